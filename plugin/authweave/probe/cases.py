"""The case of a diagnosis, made from what a run knows."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, TypeGuard

from authweave.diagnosis import Case
from authweave.discovery.finding import Asking
from authweave.errors import AuthweaveError, TemplateError, UrlRefused
from authweave.probe.called_url import of_refused_url, of_url
from authweave.probe.check import is_page
from authweave.probe.ledger import Ledger
from authweave.probe.recorder import Recorded
from authweave.profile import Test, Variant

ASKED_SECONDS: Final = 5.0
_URL: Final = re.compile(r"(\.token_url|\bservers\[\d+\])$")


def case_of(
    ledger: Ledger, *, error: AuthweaveError | None = None, record: Recorded | None = None, variant: Variant | None = None,
    suspicious: tuple[tuple[str, str], ...] | None = None, facts: Mapping[str, Any] | None = None,
) -> Case:  # fmt: skip
    """The case. `facts` win over what is found out here."""
    profile, variant = ledger.profile, variant or ledger.variant
    doubts = ledger.suspicious() if suspicious is None else suspicious
    found = of_url(ledger, record, variant) if record else of_refused_url(ledger, error, variant) if _is_of_url(error) else {}
    named = {"input": found["input"]} if "input" in found and (record is None or record.reply is None) else {}
    of_server = _of_server(ledger, record, variant) if record and record.is_token_call else {}
    return Case(
        profile=profile,
        variant=variant,
        error=error,
        request=record.request if record else None,
        response=record.response if record else None,
        client_id=ledger.rendered(variant.tokens.client_id) if variant and variant.tokens else "",
        client_secret=ledger.rendered(variant.tokens.client_secret) if variant and variant.tokens else "",
        suspicious=doubts,
        has_test=profile is not None and not isinstance(profile.tests, str),
        by_path=ledger.engine.settings.profile_paths,
        facts={**({"input": doubts[0][0]} if doubts else {}), **found, **of_server, **(facts or {}), **named, **_of_template(error), **_all_evidence(found, facts or {})},
    )


def _all_evidence(*found: Mapping[str, Any]) -> dict[str, list[str]]:
    """What was seen of the URL, and beside it."""
    lines = [line for facts in found for line in facts.get("evidence", ())]
    return {"evidence": lines} if lines else {}


def _of_server(ledger: Ledger, record: Recorded, variant: Variant | None) -> dict[str, Any]:
    """The server's metadata. They are asked for only where the profile names the issuer, and what it calls is no token endpoint."""
    if ledger.connection is None or variant is None or variant.tokens is None:
        return {}
    issuer, completer = variant.tokens.discovery.issuer, ledger.connection.credential(variant).completer()
    with suppress(AuthweaveError):
        found = completer.known(ledger.scope())
        if found is None and issuer is not None and _is_elsewhere(record):
            end = time.monotonic() + ASKED_SECONDS
            asking = Asking(completer.exchange, end, f"{variant.origin}.issuer", completer.trust, completer.tenant)
            found = completer.finder.metadata(issuer.render(ledger.scope()), asking)
        return {"metadata": found} if found is not None else {}
    return {}


def _is_of_url(error: AuthweaveError | None) -> TypeGuard[UrlRefused | TemplateError]:
    """Could the URL of a call not be made?"""
    return isinstance(error, UrlRefused) or (isinstance(error, TemplateError) and _URL.search(error.where) is not None)


def _is_elsewhere(record: Recorded) -> bool:
    """Does the answer say that the URL is the wrong one: a page, a redirect, nothing there?"""
    response = record.response
    return record.purpose == "token" and response is not None and (response.status in (404, 405, 410) or 300 <= response.status < 400 or is_page(response))


def _of_template(error: AuthweaveError | None) -> dict[str, Any]:
    """Where the template stands that ended without a value, and the input that it lacks, if it is one."""
    if not isinstance(error, TemplateError):
        return {}
    input_ = error.missing.removeprefix("inputs.").partition(".")[0] if error.missing.startswith("inputs.") else ""
    return {"template_key": error.where.rpartition(" ")[2], **({"input": input_} if input_ else {})}


def api_facts(ledger: Ledger, test: Test | None) -> dict[str, Any]:
    """What the rows about the API ask: which test it was, and the first secret that the credential is made of."""
    facts: dict[str, Any] = {"test": test.origin if test else "test"}
    if test is not None and test.request.url is not None:
        facts["absolute_test"] = not test.request.url.relative
    secret = [name for name in sorted(ledger.variant.needs if ledger.variant else ()) if ledger.profile and ledger.profile.inputs[name].secret]
    return {**facts, "input": secret[0]} if secret and not ledger.suspicious() else facts
