"""Every need of real connectors that is data by nature has its proof."""

from __future__ import annotations

import pytest

from documentation.needs import PROOFS, ROWS, Proof, proofs

UNPROVEN: set[str] = {
    "auth kind: static secret",
    "auth kind: oauth2 authorization_code",
    "auth kind: basic",
    "auth kind: oauth2 client_credentials",
    "auth kind: login-then-token (custom token request)",
    "auth kind: oauth2 refresh_token (given)",
    "auth kind: MCP oauth2 (+dynamic registration)",
    "auth kind: choice of auth types by a config field",
    "auth kind: none",
    "auth kind: password grant",
    "auth kind: digest",
    "placement on the task request: Authorization: Bearer",
    "placement on the task request: custom header from a value",
    "placement on the task request: two or more value fields at once",
    "placement on the task request: constant header (version, accept, UA)",
    "placement on the task request: Authorization: other scheme/prefix/raw",
    "placement on the task request: query parameter",
    "placement on the task request: body field (incl. nested)",
    "placement on the task request: secret in URL path",
    "placement on the task request: cookie",
    "placement on the task request: field name from a value",
    "urls: per-tenant base URL",
    "urls: per-tenant auth/token URL",
    "token request and response: client auth = Basic header",
    "token request and response: JSON token body",
    "token request and response: token path renamed/nested",
    "token request and response: value from token response used later",
    "token request and response: fixed TTL",
    "token request and response: extra token params",
    "token request and response: extra token headers",
    "token request and response: separate refresh URL",
    "token request and response: expiry renamed/absolute/other unit",
    "token request and response: token request by GET",
    "token request and response: token params in query",
    "token request and response: chained token steps",
    "token request and response: refresh params differ",
    "token request and response: rotating refresh token written back",
    "token request and response: mTLS client certificate",
    "token request and response: renamed OAuth param names",
    "token request and response: refresh token kept when response omits it",
    "token request and response: public client (no secret)",
    "token request and response: non-standard grant_type",
    "token request and response: refresh = exchange of the access token",
    "token request and response: second token for another resource",
    "token request and response: token/cookie from response header",
    "token request and response: token is the whole body",
    "token request and response: success judged by a body field",
    "token request and response: nested token body",
    "token request and response: Basic with another pair (secret as user)",
    "token request and response: XML token request/response",
    "token request and response: two tokens in one response",
    "token request and response: expired-token status not 401",
    "consent step (authorization code): extra authorize params",
    "consent step (authorization code): PKCE can be switched off",
    "consent step (authorization code): scope separator not space",
    "consent step (authorization code): value from callback used later",
    "consent step (authorization code): renamed authorize params",
    "consent step (authorization code): PKCE",
    "consent step (authorization code): renamed code param",
    "consent step (authorization code): consent first, then client credentials",
    "computed values: conditional / lookup by field",
    "computed values: default/fallback value",
    "computed values: string helpers (strip slash, replace, split)",
    "computed values: base64()",
    "other: test needs POST/body",
    "other: test judged by body/status rule",
    "other: allow self-signed TLS",
    "other: token introspection for expiry",
}
"""Rows whose proof is still to come: this list only gets shorter."""


def test_every_mark_names_a_row() -> None:
    """A mark with a row that does not exist proves nothing."""
    assert set() == proofs().keys() - ROWS.keys()


@pytest.mark.parametrize("row", [name for name, row in ROWS.items() if not row.is_outside])
def test_a_need_has_a_proof(row: str) -> None:
    """A test marked with the row; a row that waits for its proof is listed, and not listed any more when it has one."""
    assert (row in proofs()) is not (row in UNPROVEN)


@pytest.mark.parametrize("proof", sorted({proof for tests in proofs().values() for proof in tests}, key=str), ids=str)
def test_a_proof_is_judged_by_somebody_else(proof: Proof) -> None:
    """Proofs stand where a foreign part is asked for."""
    assert proof.file.parent == PROOFS


def test_what_is_outside_is_code_by_nature() -> None:
    """Only what one vendor's own code does is left out, and nobody claims to prove it."""
    outside = {name for name, row in ROWS.items() if row.is_outside}

    assert {"named vendor flow (code)", "vendor SDK", "vendor token code"} == {name.partition(": ")[2] for name in outside}
    assert not outside & proofs().keys()
