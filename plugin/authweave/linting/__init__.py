"""A profile beside what its provider says of itself (RFC 8414, OpenID Connect Discovery, RFC 9728). No credential is ever sent."""
