"""Assertions in a preview: what stands for one that cannot be signed yet, and what one says that was."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from authweave.drafts.draft import Placed
from authweave.grants.saml2_bearer import Saml2Bearer
from authweave.preview.stand_ins import Offline
from authweave.probe.asserted import claimed
from authweave.probe.recorder import Recorded
from authweave.profile import Jwt, Profile, Variant

_JWT: Final = "{}.of.assertion"
_XML: Final = "<{}/>"


def written_of(variant: Variant) -> dict[str, Any]:
    """The assertions that a variant describes: `assertion` and `client_assertion`."""
    settings = variant.tokens
    own = variant.own.get("assertion") or (settings.assertion if settings is not None else None)
    both = {"assertion": own, "client_assertion": settings.client_assertion if settings is not None else None}
    return {name: written for name, written in both.items() if written is not None}


def stand_ins_for(profile: Profile, variant: Variant, missing: Collection[str], known: Offline) -> dict[str, str]:
    """A text for each assertion that cannot be made: its key, or a file that it is read from, is not supplied."""
    found: dict[str, str] = {}
    for name, written in written_of(variant).items():
        absent = sorted(set(missing) & _needed(profile, written))
        if absent:
            is_saml = variant.tokens is not None and isinstance(variant.tokens.grant, Saml2Bearer) and name == "assertion"
            found[name] = known.stand_in(name, f"{name}: {', '.join(absent)} not supplied", form=_XML if is_saml else _JWT)
    return found


def _needed(profile: Profile, written: Any) -> set[str]:
    """The inputs without which nothing can be signed: those behind the key, and what is no plain text."""
    if not isinstance(written, Jwt):
        return set(_inputs(profile, [written]))
    parts = (written.claims, written.header, written.key_id, written.lifetime, written.algorithm)
    odd = {name for name in _inputs(profile, parts) if profile.inputs[name].type in ("pem", "pkcs12", "json")}
    return odd | set(_inputs(profile, [written.signing_key]))


def _inputs(profile: Profile, parts: Iterable[Any]) -> Iterator[str]:
    """The inputs behind templates, those that variables read included."""
    waiting = [read for part in parts for read in getattr(part, "reads", ())]
    seen: set[tuple[str, ...]] = set()
    while waiting:
        read = waiting.pop()
        if read in seen or len(read) < 2:
            continue
        seen.add(read)
        if read[0] == "inputs":
            yield read[1]
        elif read[0] == "vars":
            waiting += profile.vars[read[1]].reads


def told(placed: Iterable[Placed], record: Recorded, origin: str, hidden: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What each assertion of a request says, and the key of the profile that describes it; `origin` is that of the variant."""
    in_order = sorted(placed, key=lambda one: one.place != "header")  # as `claimed` looks for them
    described = [one.origin for one in in_order if one.origin.endswith(("assertion", ".dpop"))] or [f"{origin}.assertion"]
    for number, line in enumerate(claimed(record, hidden)):
        yield line.removeprefix("the assertion says "), described[min(number, len(described) - 1)]
