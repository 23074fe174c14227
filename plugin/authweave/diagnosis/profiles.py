"""What goes wrong before anything is sent: the profile, its inputs, its templates and fields."""

from __future__ import annotations

import re
from typing import Final

from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.errors import InputError, MissingInput

_IN_TEST: Final = re.compile(r" test(\[\d+\])?\.request")


def _names(case: Case) -> str:
    names = case.error.names if isinstance(case.error, MissingInput) else ()
    return ", ".join(names) or (case.error.name if isinstance(case.error, InputError) else "an input")


def _problems(case: Case) -> str:
    count = int(case.facts.get("problems", 0))
    return f"The profile is not valid: {count} problem{'' if count == 1 else 's'}. Nothing was sent."


def _outside(case: Case) -> str:
    count = int(case.facts.get("problems", 0))
    return f"The profile names what this tenant's profiles may not use ({count} problem{'' if count == 1 else 's'}). Nothing was sent, and nothing of it was looked at."


def _header(case: Case) -> str:
    return f"A value cannot be sent: {case.what}. HTTP would not carry it unchanged, so nothing was sent."


def _cleaned(case: Case) -> str:
    """What to do about the value itself."""
    if "line break" in case.what or case.odd_secret:
        return "supply the value without line breaks and blanks around it; a secret file often ends with a line break"
    return "supply the value anew: it was not copied as it is (a header holds letters, digits and signs of ASCII)"


def _is_input(case: Case) -> bool:
    return bool(case.odd_secret) or bool(case.facts.get("input"))


def _is_no_bearer(case: Case) -> bool:
    """Is it the value itself that no Bearer header can carry?"""
    return "a Bearer header cannot carry" in case.what


def _bare(case: Case) -> str:
    """What to do about a value that a Bearer header cannot carry."""
    doubt = f"; look at {case.odd_secret}" if case.odd_secret else ""
    return f"supply the token alone, without `Bearer ` in front, blanks or quotes{doubt}"


def _by_kerberos(case: Case) -> bool:
    return case.own_type == "negotiate"


def _by_ntlm(case: Case) -> bool:
    return case.own_type == "ntlm"


def _servers(_: Case) -> str:
    return "Nobody said which origins may get the credential, so the API was not called."


def _lacks_subject(case: Case) -> bool:
    return isinstance(case.error, MissingInput) and case.error.name == "subject"


def _lacks_input(case: Case) -> bool:
    """Is it an input, and nothing else, that a template found empty?"""
    return getattr(case.error, "missing", "").startswith("inputs.")


ENTRIES = table(
    Entry("profile_invalid", _problems, verdict="not_tested"),
    Entry("limit_refused", _outside, (
        Remedy("settings: limits", "an operator can allow it: the lists of this tenant are there, and `--tenant` says whose hold"),
    ), verdict="not_tested"),
    Entry("secret_unresolved", lambda case: f"{'Nobody is named' if _lacks_subject(case) else 'An input is missing or empty'}, so nothing was sent: {case.what}.", (
        Remedy("inputs.*", "supply it: {supply}"),
        Remedy("subject", "say whose token it is: `--subject` with a name of theirs, as the host will name them", _lacks_subject),
        Remedy("auth.client_secret", "name another input here, if the value has another name with you", lambda case: "client_secret" in _names(case)),
    ), verdict="not_tested"),
    Entry("secret_suspicious", "Look at the value of {odd_secret}.", (
        Remedy("inputs.*", "look at the value that came from {came_from}"),
    ), verdict=""),
    Entry("input_invalid", "An input does not have its declared form: {what}.", (
        Remedy("inputs.*", "supply a value of the declared form, or change its `pattern`, `enum`, `format` or `type`"),
    ), verdict="not_tested"),
    Entry("crlf_or_nonascii_in_header", _header, (
        Remedy("inputs.*", _cleaned, _is_input),
        Remedy("auth.fields", "encode the value in the template: `| base64`, `| urlencode` or `| trim`", lambda case: not case.facts.get("token_call")),
        Remedy("auth.token_request.fields", "encode the value in the template: `| base64`, `| urlencode` or `| trim`", lambda case: bool(case.facts.get("token_call"))),
    ), verdict="not_tested"),
    Entry("placement", "A field cannot be put where the profile wants it: {what}.", (
        Remedy("inputs.*", _bare, _is_no_bearer),
        Remedy("auth.fields", "place the value as the API documents, if it is right as it is: `[{{in: header, key: Authorization, value: '{input_named}'}}]`", _is_no_bearer),
        Remedy("test.request", "send a test request that can hold the field (a body for payload, `{{key}}` in the path for path)", lambda case: case.has_test and not _is_no_bearer(case)),
        Remedy("fields", "write `when`, `optional: true`, or another `in`", lambda case: not _is_no_bearer(case)),
    ), verdict="not_tested"),
    Entry("template", "A template ended without a usable value: {what}.", (
        Remedy("inputs.*", "supply it, or give the template a default: `| default('…')`", _lacks_input),
        Remedy("auth.fields", "look at what the expression makes of its values; `| default('…')` stands in for null"),
    ), verdict="not_tested"),
    Entry("url_refused", "A URL is not one that a credential may go to: {what}.", (
        Remedy("inputs.*", "supply it: it is empty, and makes a part of the URL", lambda case: bool(case.facts.get("empty_input"))),
        Remedy("inputs.*", "supply another value: in a host it holds letters, digits, dots and hyphens, and is not empty"),
        Remedy("auth.token_url", "look at the values that stand in the URL", lambda case: "token_url" in case.what),
        Remedy("servers", "look at the values that stand in the URL", lambda case: "servers" in case.what),
        Remedy("test.request.url", "look at the values that stand in the URL", lambda case: case.has_test and _IN_TEST.search(case.what) is not None),
    ), verdict="not_tested"),
    Entry("no_servers", _servers, (
        Remedy("servers", "add `servers: ['https://api.example.com']`, or say `--server URL` for this run"),
    ), verdict="not_tested"),
    Entry("origin_refused", "The test request goes to an origin that may not get the credential: {what}.", (
        Remedy("test.request.url", "write a URL of one of the servers, or a relative one"),
        Remedy("servers", "add the origin, if it may have the credential"),
    ), verdict="not_tested"),
    Entry("no_variant", "No variant applies: {what}.", (Remedy("auth.when", "let one of the conditions hold, or leave `when` out of the last variant"),), verdict="not_tested"),
    Entry("not_applied", "The request cannot be made: {what}.", (
        Remedy("settings: ca", "name a PEM file that is there and holds certificates", lambda case: case.what.startswith("ca: ")),
        Remedy("auth.service", "get a ticket for this service on this machine (`kinit`), or correct the name of the service", _by_kerberos),
        Remedy("servers", "name an address that keeps connections open: NTLM proves the connection, and something in between ends it", _by_ntlm),
    ), verdict="not_tested"),
)  # fmt: skip
