"""Assertions that could never be signed, or would not be believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final

from authweave.assertions import ALGORITHMS
from authweave.checking.document import Checked
from authweave.near_misses import did_you_mean, shown
from authweave.values import Path, Problem

_REFUSED: Final[Mapping[str, str]] = {
    "alg": "it is written as `algorithm`",
    "crit": "no extension is understood here (RFC 7515 §4.1.11)",
    "b64": "no extension is understood here (RFC 7515 §4.1.11)",
}
"""Members of the header that are not the profile's to write."""


class Assertions:
    """The algorithm is one that signs, fits the client authentication and the key's input, and the header holds nothing that weakens it."""

    name: ClassVar[str] = "assertion"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per key that is wrong."""
        for path, auth, full in checked.variants:
            for key in ("assertion", "client_assertion"):
                if isinstance(full.get(key), Mapping) and not checked.is_hurt(*path, key):
                    for inner, why, fix in self._wrong(checked, key, full[key], str(full.get("client_auth", ""))):
                        at = (*path, key, *inner)
                        written = isinstance(auth.get(key), Mapping) and inner[:1] and inner[0] in auth[key]
                        yield checked.problem(self.name, at if written else (*path, "client_auth" if key in auth or "client_auth" in auth else "type"), why, fix)

    def _wrong(self, checked: Checked, key: str, jwt: Mapping[str, Any], method: str) -> Iterator[tuple[Path, str, str]]:
        algorithm = jwt.get("algorithm", "RS256")
        if "{{" not in str(algorithm):
            yield from _of_algorithm(str(algorithm))
            if key == "client_assertion" and algorithm in ALGORITHMS:
                yield from _of_method(str(algorithm), method)
            yield from self._of_key(checked, str(algorithm), jwt)
        for member, why in _REFUSED.items():
            if member in jwt.get("header", {}):
                yield ("header", member), f"`{member}` cannot be written: {why}", "remove it"
        if isinstance(jwk := jwt.get("header", {}).get("jwk"), Mapping) and {"d", "k"} & jwk.keys():
            yield ("header", "jwk"), "a private key would be sent", "write its public half, or remove it"

    def _of_key(self, checked: Checked, algorithm: str, jwt: Mapping[str, Any]) -> Iterator[tuple[Path, str, str]]:
        """A shared secret is no PEM, and a private key is no plain text (where the input says what it is)."""
        text = str(jwt.get("signing_key", ""))
        name = text.strip(" {}").removeprefix("inputs.")
        kind = checked.full["inputs"].get(name, {}).get("type", "string") if text.strip(" {}") == f"inputs.{name}" else ""
        if algorithm.startswith("HS") and kind in ("pem", "pkcs12"):
            yield ("algorithm",), f"{algorithm} signs with a shared secret, and the input {shown(name)} is {kind}", "write RS256, ES256 … for a private key, or `type: string` for a secret"


def _of_algorithm(algorithm: str) -> Iterator[tuple[Path, str, str]]:
    if algorithm.lower() == "none":
        yield ("algorithm",), "`none` signs nothing: whoever reads it may write it, too", f"write one of {', '.join(ALGORITHMS)}"
    elif algorithm not in ALGORITHMS:
        yield ("algorithm",), "is not an algorithm that is known here", did_you_mean(algorithm, list(ALGORITHMS), f"write one of {', '.join(ALGORITHMS)}")


def _of_method(algorithm: str, method: str) -> Iterator[tuple[Path, str, str]]:
    if method == "private_key_jwt" and algorithm.startswith("HS"):
        yield ("algorithm",), f"private_key_jwt signs with a private key, and {algorithm} with a shared secret", "write RS256, PS256, ES256 or EdDSA, or client_auth: client_secret_jwt"
    if method == "client_secret_jwt" and not algorithm.startswith("HS"):
        yield ("algorithm",), f"client_secret_jwt signs with the client secret, and {algorithm} with a private key", "write HS256, or client_auth: private_key_jwt"
