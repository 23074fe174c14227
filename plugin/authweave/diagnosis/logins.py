"""What goes wrong with logins (type `session`) and with the steps of a token call."""

from __future__ import annotations

from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.diagnosis.network import is_step


def _refused(case: Case) -> str:
    words = f", in its words: {case.word}{case.quoted}" if case.word else ""
    return f"The login was refused ({case.status}){words}."


def _what(case: Case) -> str:
    """The error names the step already; where a later template lacked what a step should have kept, that step is named."""
    if kept := case.facts.get("kept"):
        return f"Step {case.facts['step']} was answered, and kept nothing as `{kept}`, which is read afterwards."
    return f"{case.what[:1].upper()}{case.what[1:]}."


def _before(case: Case) -> bool:
    return is_step(case, "before")


def _after(case: Case) -> bool:
    return is_step(case, "after")


ENTRIES = table(
    Entry("login_refused", _refused, (
        Remedy("auth.username", "are user name and password right, and may this account use the API? Some want an account made for programs", lambda case: "username" in _inputs(case)),
        Remedy("auth.token_request.fields", "is the login written as the provider documents it: names, encoding, all fields?"),
        Remedy("auth.token_response.accepted_when", "if this is how the server says yes: write what a good answer looks like", lambda case: 200 <= case.status < 300),
    ), verdict="refused"),
    Entry("step_refused", _what, (
        Remedy("auth.before", "look at `request` of this step: method, URL, fields; and at `response.accepted_when`, if the answer is a good one", _before),
        Remedy("auth.after", "look at `request` of this step: method, URL, fields; and at `response.accepted_when`, if the answer is a good one", _after),
    ), verdict="refused"),
    Entry("step_unread", _what, (
        Remedy("auth.before", "correct `response.keep` of this step: where the value stands, and its `pattern`", _before),
        Remedy("auth.after", "correct `response` of this step: where the values stand, and the `pattern` of what is kept", _after),
    )),
)  # fmt: skip


def _inputs(case: Case) -> frozenset[str]:
    return case.variant.key_inputs if case.variant else frozenset()
