"""A key of one kind, and an algorithm that takes another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.proofs.signatures import ALGORITHMS, SECRET_KEYED
from authweave.templates import Template
from authweave.values import Problem


class SigningKey:
    """An HMAC takes a shared secret; a PEM under it would be a public text as often as not. The others take a private key in PEM."""

    name: ClassVar[str] = "signature.key"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per input."""
        for path, auth, full in checked.variants:
            algorithm = full.get("algorithm")
            if "string_to_sign" not in auth or algorithm not in ALGORITHMS:
                continue
            key = checked.compiled.get((*path, "signing_key"))
            if not isinstance(key, Template) or not key.whole or key.functions:
                continue
            for name in sorted({read[1] for read in key.reads if read[0] == "inputs" and len(read) == 2}):
                kind = checked.full["inputs"].get(name, {}).get("type", "string")
                if algorithm in SECRET_KEYED and kind in ("pem", "pkcs12"):
                    at = ("inputs", name, "type") if "type" in checked.data.get("inputs", {}).get(name, {}) else (*path, "algorithm")
                    yield checked.problem(self.name, at, f"{algorithm} takes a shared secret, not a {kind}", "write the algorithm of the key (rsa-v1_5-sha256, ed25519 …), or leave `type` out")
                elif algorithm not in SECRET_KEYED and kind == "string":
                    at = ("inputs", name) if name in checked.data.get("inputs", {}) else (*path, "algorithm")
                    yield checked.problem(self.name, at, f"{algorithm} takes a private key in PEM", f"declare the input: {name}: {{type: pem, secret: true}}", of_key=True)
