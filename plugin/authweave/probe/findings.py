"""From a case to a diagnosis that may be shown: redacted, each fix with the place of its key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from authweave.diagnosis import ENTRIES, Case, worded
from authweave.diagnosis.entry import MOST_FIXES
from authweave.errors import TokenAnswerError, TokenEndpointError
from authweave.probe.known import Known
from authweave.probe.views import shown_url
from authweave.profile import Profile
from authweave.report import Diagnosis, Fix

_MOST_SAID: Final = 6


def diagnosis(code: str, case: Case, known: Known, *, stage: str, origins: Mapping[str, str], severity: str = "error") -> Diagnosis:
    """The row of this code, worded for the case. `origins` says where each setting came from."""
    entry = ENTRIES[code]
    fixes = []
    for remedy in entry.offered(case):
        if key := key_of(remedy.key, case):
            fixes.append(Fix(key, place_of(key, case.profile, {**origins, **_named_elsewhere(case)}), known.text(worded(remedy.say, case))))
    missing = case.facts.get("also_missing", ())
    fixes[1:1] = [Fix(f"inputs.{name}", place_of(f"inputs.{name}", case.profile, origins), known.text(f"supply it: {where}")) for name, where in missing]
    evidence = tuple(dict.fromkeys(known.text(line) for line in evidence_of(case, known) if line))
    return Diagnosis(code, severity, stage, one_sentence(known.text(on_one_line(entry.sentence(case)))), evidence, tuple(fixes[:MOST_FIXES]), worded(entry.retry, case))


def on_one_line(text: str) -> str:
    """Lines that an error wrote below each other, beside each other."""
    return re.sub(r":?[ \t]*\n\s*", lambda found: ": " if found[0].startswith(":") else "; ", text.strip())


def one_sentence(text: str) -> str:
    """The text with one full stop at its end, and none after a question."""
    text = text.replace("?.", "?")
    return text.rstrip(" .") + "." if text and text[-1] not in "?!" else text


def key_of(key: str, case: Case) -> str:
    """A row's key in this profile: `auth` is the variant in force, `test` the test that was run; '' if there is none."""
    if key == "inputs.*":
        name = case.facts.get("input")
        return f"inputs.{name}" if name else ""
    if key in ("auth.before", "auth.after") and case.facts.get("step_key"):
        return str(case.facts["step_key"])
    if key == "auth.fields" and case.facts.get("template_key"):
        return str(case.facts["template_key"])
    head, dot, rest = key.partition(".")
    if head == "auth" and case.variant is not None:
        return f"{case.variant.origin}{dot}{rest}"
    if head == "test":
        return f"{case.facts.get('test', 'test')}{dot}{rest}"
    return key


def place_of(key: str, profile: Profile | None, origins: Mapping[str, str]) -> str:
    """`file:line` of a key, or of the part of the profile where it would stand; of a setting, where its value came from."""
    if key.startswith("host: "):
        return "this machine"
    if key.startswith("settings: "):
        name = key.removeprefix("settings: ")
        origin = origins.get(name, "default")
        return f"default; AUTHWEAVE_{name.upper()} sets it" if origin == "default" else origin
    return profile.place(key) if profile is not None else ""


def _named_elsewhere(case: Case) -> Mapping[str, str]:
    """Where a proxy was named, if not in the settings: in a variable of the environment."""
    named = str(case.error_facts.get("from", ""))
    return {"proxy": named} if named and not named.startswith("settings: ") else {}


def evidence_of(case: Case, known: Known) -> Iterator[str]:
    """What was seen, quoted."""
    if case.request is not None:
        answered = f"{case.status}" if case.response is not None else "no answer"
        yield f"{case.method} {shown_url(case.request.url, known)}: {answered}"
    if case.response is not None:
        yield from _of_answer(case)
    if isinstance(case.error, TokenEndpointError):
        yield f"error: {case.error.error}" if case.error.error else ""
        yield f"error_description: {case.error.error_description}" if case.error.error_description else ""
        yield f"error_uri: {case.error.error_uri}" if case.error.error_uri else ""
    if isinstance(case.error, TokenAnswerError) and case.error.fields:
        yield f"fields of the answer: {', '.join(case.error.fields)}"
    yield from _said(case)
    for line in case.facts.get("evidence", ()):
        yield str(line)


def _said(case: Case) -> Iterator[str]:
    """What an API, or a server in words of its own, says is wrong; the words of RFC 6749 stand there already."""
    if case.response is None or (case.response.status < 400 and case.vendor is None):
        return
    told = {case.word, case.description}
    told_words = [f"{name}: {text}" for name, text in case.said if text not in told and name not in ("error_codes", "error_uri", "type")]
    yield "the answer says " + ", ".join(told_words[:_MOST_SAID]) if told_words else ""


def _of_answer(case: Case) -> Iterator[Any]:
    yield f"WWW-Authenticate: {case.challenge_words}" if case.challenges else ""
    yield f"page title:{case.title.removeprefix(' titled')}" if case.title else ""
    wait = case.response.header("retry-after") if case.response else None
    yield f"Retry-After: {wait}" if wait else ""
