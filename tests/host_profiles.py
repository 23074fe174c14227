"""The profile that proofs of hosts use: a token of the provider, placed where `fields` says, beside a header of the tenant's."""

from __future__ import annotations

PROFILE = """
format: 1
name: acme-crm
identity_provider: Acme
inputs: {tenant: {default: blue}}
servers: ['%(origin)s', '%(api)s']
auth:
  type: oauth2
  grant_type: client_credentials
  token_url: %(origin)s/token
  client_auth: client_secret_basic
  scopes: [api:read]
  %(fields)s
fields: [{in: header, key: X-Acme-Tenant, value: '{{ inputs.tenant }}'}]
"""
IN_BODY = "fields: [{in: payload, key: access_token, value: '{{ token.access_token }}'}]"
IN_QUERY = "fields: [{in: query, key: access_token, value: '{{ token.access_token }}'}]"
