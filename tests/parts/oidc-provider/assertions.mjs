/**
 * Grants that rest on somebody's word, by the server's documented extension point: a JWT (RFC 7523), a SAML assertion
 * (RFC 7522), another token (RFC 8693). The word is judged by jose and xml-crypto.
 */
import { errors } from 'oidc-provider';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { verifiedSaml } from './saml.mjs';

const GRANT = 'urn:ietf:params:oauth:grant-type:';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const AGE = 3600;

/** Whose JWT this is, and what it says; `issuerIs(client)` says under which name a client signs (default: its client_id). */
export async function verifiedJwt(provider, assertion, { audience, issuerIs }) {
  const { iss } = decodeJwt(assertion);
  const client = await provider.Client.find(await issuerIs(iss));
  if (!client?.metadata().jwks) throw new Error('unknown issuer');
  const { payload } = await jwtVerify(assertion, createLocalJWKSet(client.metadata().jwks), {
    issuer: iss, audience, requiredClaims: ['exp'],
  });
  if (payload.exp - Date.now() / 1000 > AGE) throw new Error('exp is too far away');
  return { client, payload };
}

export function registerAssertionGrants(provider, { certificate }) {
  const bearer = (judged) => async (ctx, next) => {
    const { client, params } = ctx.oidc;
    const account = await judged(client, params).catch((error) => { throw new errors.InvalidGrant(error.message); });
    await granted(provider, ctx, account);
    await next?.();
  };
  const audience = [provider.issuer, `${provider.issuer}/token`];
  provider.registerGrantType(`${GRANT}jwt-bearer`, bearer(async (client, { assertion }) => (
    (await verifiedJwt(provider, assertion, { audience, issuerIs: () => client.clientId })).payload.sub
  )), ['assertion', 'scope']);
  provider.registerGrantType(`${GRANT}saml2-bearer`, bearer(async (client, { assertion }) => (
    verifiedSaml(assertion, { certificate, audience: provider.issuer })
  )), ['assertion', 'scope']);
  provider.registerGrantType(`${GRANT}token-exchange`, async (ctx, next) => {
    const { params } = ctx.oidc;
    if (params.subject_token_type !== ACCESS_TOKEN) throw new errors.InvalidRequest('subject_token_type is not known');
    const subject = await provider.AccessToken.find(params.subject_token ?? '')
      ?? await provider.ClientCredentials.find(params.subject_token ?? '');
    if (!subject) throw new errors.InvalidGrant('subject_token is unknown, expired or revoked');
    await granted(provider, ctx, subject.accountId ?? subject.clientId);
    ctx.body.issued_token_type = ACCESS_TOKEN;
    await next?.();
  }, ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'scope']);
}

async function granted(provider, ctx, accountId) {
  const { client, params } = ctx.oidc;
  const scope = params.scope || undefined;
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  if (scope) grant.addOIDCScope(scope);
  const token = new provider.AccessToken({ accountId, client, grantId: await grant.save(), gty: 'assertion', scope });
  ctx.body = { access_token: await token.save(), expires_in: token.expiration, token_type: 'Bearer', scope };
}
