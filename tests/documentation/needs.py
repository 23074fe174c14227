"""What 1,780 connector definitions of three public platforms need of a profile format, and which tests prove that a profile can say it.

A test is a proof by its mark, with names of rows as literal text:

    @pytest.mark.proves("auth kind: basic", "placement on the task request: cookie")

(or `proves`, where that is `pytest.mark.proves`) on a test, on its class, or on a `pytest.param` of its table (in the decorator, or in a list at the top of the module that the decorator
names). A proof stands in `tests/real/`: a server or verifier that is not ours decides, and refuses the negative twin, the same profile
without the feature. `docs/needs.md` is made from the marks: `python tests/generate_docs.py` after a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from documentation.marks import TESTS, Marked, marked

PROOFS = TESTS / "real"
VENDOR = "a vendor's own code; an extension type covers it"

TABLE = {
    "auth kind": """
        814  static secret                                    | types `api_key`, `bearer`, `custom`                            | kore-api-key
        457  oauth2 authorization_code                        | `grant_type: authorization_code`                               | kore-authorization-code
        196  basic                                            | `type: basic`                                                  | kore-basic
        134  oauth2 client_credentials                        | `grant_type: client_credentials`                               | nuance-mix-runtime
        98   login-then-token (custom token request)          | `type: session`                                                | types/session
        40   oauth2 refresh_token (given)                     | `grant_type: refresh_token`                                    | profile#a-given-refresh-token
        26   MCP oauth2 (+dynamic registration)               | `resource`, `registration`                                     | profile#oauth2
        22   choice of auth types by a config field           | `auth` as a list, `when`                                       | audiocodes-voiceai-connect
        17   none                                             | `type: none`                                                   | audiocodes-bot
        8    oauth1                                           | `type: oauth1`                                                 | netsuite-tba
        5    self-signed JWT as bearer                        | `type: jwt`                                                    | types/jwt
        5    AWS SigV4                                        | `type: aws_sigv4`                                              | aws
        4    password grant                                   | `grant_type: password`                                         | kore-password
        2    named vendor flow (code)                         | -                                                              | -
        2    GitHub App JWT->installation token               | `type: session`, `assertion`                                   | types/jwt
        2    HMAC request signature                           | `type: signature`                                              | azure-storage
        1    WSSE                                             | `type: custom`, `sha1`, `random`                               | emarsys
        1    digest                                           | `type: digest`                                                 | types/digest
    """,
    "placement on the task request": """
        1083 Authorization: Bearer                            | the default of `oauth2`, `bearer`                              | nuance-mix-runtime
        326  custom header from a value                       | `fields`, `in: header`                                         | kore-api-key
        137  two or more value fields at once                 | `fields`                                                       | kore-basic
        129  constant header (version, accept, UA)            | `fields` with a constant `value`                               | azure-storage
        128  Authorization: other scheme/prefix/raw           | `auth.fields`                                                  | azure-storage
        89   query parameter                                  | `in: query`                                                    | kore-api-key
        11   body field (incl. nested)                        | `in: payload`, `key: /a/b`                                     | kore-basic
        3    secret in URL path                               | `in: path`                                                     | profile#fields
        2    cookie                                           | `in: cookie`                                                   | types/session
        1    field name from a value                          | several fields, each with `when`                               | profile#fields
    """,
    "urls": """
        553  per-tenant base URL                              | `servers` with `inputs`                                        | kore-client-credentials
        233  per-tenant auth/token URL                        | `token_url` with `inputs`                                      | kore-client-credentials
    """,
    "token request and response": """
        136  client auth = Basic header                       | `client_auth: client_secret_basic`                             | nuance-mix-runtime
        80   JSON token body                                  | `token_request.encoding: json`                                 | kore-password
        45   token path renamed/nested                        | `token_response.access_token`                                  | types/session
        35   value from token response used later             | `token_response.keep`                                          | profile#kept-values
        27   fixed TTL                                        | `token_response.expires_in: 3600`                              | types/session
        26   extra token params                               | `token_request.fields`                                         | kore-password
        23   extra token headers                              | `token_request.fields`, `in: header`                           | kore-client-credentials
        18   separate refresh URL                             | `refresh_url`                                                  | kore-client-credentials
        18   expiry renamed/absolute/other unit               | `token_response.expires_in`, `expires_at`                      | profile#the-token-answer
        16   assertion built from key (JWT/SAML)              | `assertion`, `client_assertion`                                | types/jwt_bearer
        13   token request by GET                             | `token_request.method: GET`                                    | types/session
        10   token params in query                            | `token_request.encoding: query`                                | profile#the-token-request
        9    chained token steps                              | `before`, `after`                                              | profile#steps
        8    refresh params differ                            | `refresh_request`                                              | kore-password
        8    rotating refresh token written back              | (always)                                                       | profile#refresh
        5    mTLS client certificate                          | `tls`, `client_auth: tls_client_auth`                          | types/tls_client_auth
        5    renamed OAuth param names                        | `token_request.rename`                                         | profile#the-token-request
        5    refresh token kept when response omits it        | (always)                                                       | kore-client-credentials
        4    public client (no secret)                        | `client_auth: none`                                            | kore-password
        3    non-standard grant_type                          | `grant_type: {vendor: name}`                                   | profile#the-grant
        3    refresh = exchange of the access token           | `refresh_with: access_token`                                   | profile#refresh
        3    second token for another resource                | `after`                                                        | profile#steps
        3    token/cookie from response header                | `response.headers`, `response.cookies`                         | types/session
        2    token is the whole body                          | `response.text`                                                | types/session
        2    success judged by a body field                   | `token_response.accepted_when`                                 | types/session
        2    nested token body                                | `key: /auth/user`                                              | profile#the-token-request
        2    Basic with another pair (secret as user)         | `basic()` in `token_request.fields`                            | profile#the-token-request
        1    named vendor flow (code)                         | -                                                              | -
        1    XML token request/response                       | `encoding: xml`, `response.xml`                                | types/session
        1    signed token request                             | `hmac` in `token_request.fields`                               | profile#the-token-request
        1    two tokens in one response                       | `token_response.keep`                                          | profile#kept-values
        1    expired-token status not 401                     | `rejected_when`                                                | kore-password
    """,
    "consent step (authorization code)": """
        169  extra authorize params                           | `authorization_request.fields`                                 | nuance-mix-api-user
        86   PKCE can be switched off                         | `pkce: false`                                                  | types/authorization_code
        38   scope separator not space                        | `scope_separator`                                              | profile#scopes
        23   value from callback used later                   | `callback.keep`                                                | types/authorization_code
        7    renamed authorize params                         | `authorization_request.rename`                                 | types/authorization_code
        7    PKCE                                             | `pkce`                                                         | kore-authorization-code
        3    renamed code param                               | `callback.code`                                                | types/authorization_code
        1    consent first, then client credentials           | `authorization_url`                                            | types/authorization_code
    """,
    "computed values": """
        43   conditional / lookup by field                    | `a if b else c`, `{…}[x]`                                      | audiocodes-voiceai-connect
        42   default/fallback value                           | `default`                                                      | audiocodes-bot
        24   string helpers (strip slash, replace, split)     | `strip_suffix`, `replace`, `split`                             | netsuite-tba
        23   base64()                                         | `base64`, `basic`                                              | azure-storage
        10   timestamp with format/offset                     | `now`, `format_time`                                           | azure-storage
        9    hash/hmac/sign function                          | `sha256`, `hmac`, …                                            | emarsys
        5    request-dependent values (method,path,body)      | `request`                                                      | azure-storage
        2    random/uuid                                      | `random`, `uuid`                                               | emarsys
        1    parse JSON credential (key file)                 | `type: json` of an input                                       | types/jwt_bearer
    """,
    "other": """
        14   test needs POST/body                             | `test.request`                                                 | kore-basic
        11   test judged by body/status rule                  | `test.accepted_when`, `rules`                                  | audiocodes-bot
        9    allow self-signed TLS                            | `tls.ca`, `tls.verify`                                         | profile#tls
        5    token introspection for expiry                   | `after`                                                        | profile#steps
        3    vendor SDK                                       | -                                                              | -
        1    vendor token code                                | -                                                              | -
    """,
}


@dataclass(frozen=True)
class Row:
    """A need: how many connectors have it, the keys that say it ("-": none, code by nature), and where they are to be seen.

    `example` is a shipped profile, a page of `docs/types/`, or a section of `docs/profile.md`.
    """

    name: str
    count: int
    keys: str
    example: str

    @property
    def is_outside(self) -> bool:
        return self.keys == "-"


Proof = Marked
"""A test that proves rows."""


def _rows() -> Iterator[Row]:
    for section, lines in TABLE.items():
        for line in lines.strip().splitlines():
            words, keys, example = (cell.strip() for cell in line.rsplit("|", 2))
            count, _, feature = words.partition(" ")
            yield Row(f"{section}: {feature.strip()}", int(count), keys, example)


ROWS = {row.name: row for row in _rows()}


def proofs() -> dict[str, tuple[Proof, ...]]:
    """Every row that a mark names, rows that do not exist too, with its tests in the order of the files."""
    return marked("proves")
