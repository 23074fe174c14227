"""The case of a diagnosis, made from what a run knows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from authweave.diagnosis import Case
from authweave.errors import AuthweaveError, TemplateError
from authweave.probe.ledger import Ledger
from authweave.probe.recorder import Recorded
from authweave.profile import Test, Variant
from authweave.urls import UrlTemplate
from authweave.values import Secret


def case_of(
    ledger: Ledger, *, error: AuthweaveError | None = None, record: Recorded | None = None, variant: Variant | None = None,
    suspicious: tuple[tuple[str, str], ...] | None = None, facts: Mapping[str, Any] | None = None,
) -> Case:  # fmt: skip
    """The case. `facts` win over what is found out here."""
    profile, variant = ledger.profile, variant or ledger.variant
    doubts = ledger.suspicious() if suspicious is None else suspicious
    of_url = _of_url(ledger, record, variant) if record else {}
    of_server = _of_server(ledger, variant) if record and record.is_token_call else {}
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
        facts={**({"input": doubts[0][0]} if doubts else {}), **of_url, **of_server, **(facts or {}), **_of_template(error)},
    )


def _of_server(ledger: Ledger, variant: Variant | None) -> dict[str, Any]:
    """The metadata that are at hand of the server that gives tokens; nobody is asked for them here."""
    if ledger.connection is None or variant is None or variant.tokens is None:
        return {}
    with suppress(AuthweaveError):
        if found := ledger.connection.credential(variant).completer().known(ledger.scope()):
            return {"metadata": found}
    return {}


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


def _of_url(ledger: Ledger, record: Recorded, variant: Variant | None) -> dict[str, Any]:
    """Which inputs made the URL that was called, and how it is written: an empty or wrong tenant is a usual reason."""
    templates = _templates(ledger, record, variant)
    names = _inputs_in(read for template in templates.values() for read in template.reads)
    hosts = _inputs_in(read for template in templates.values() for read in template.host_reads) or names
    facts: dict[str, Any] = {"url_inputs": names, "host_inputs": hosts}
    if names and record.reply is None:
        written = [f"{key}: {template.text}" for key, template in templates.items() if template.reads]
        facts["evidence"] = [*written, *(f"inputs.{name} is {_shown(ledger, name)}" for name in names)]
    if names and (record.reply is None or record.reply.status == 404):
        facts["input"] = hosts[0]
    return facts


def _templates(ledger: Ledger, record: Recorded, variant: Variant | None) -> dict[str, UrlTemplate]:
    if record.is_token_call and variant is not None and variant.tokens is not None:
        token_url = variant.tokens.token_url
        return {f"{variant.origin}.token_url": token_url} if token_url is not None else {}
    return {f"servers[{index}]": template for index, template in enumerate(ledger.profile.servers if ledger.profile else ())}


def _inputs_in(reads: Any) -> list[str]:
    return sorted({read[1] for read in reads if read[0] == "inputs" and len(read) > 1})


def _shown(ledger: Ledger, name: str) -> str:
    value = ledger.connection.inputs()[name] if ledger.connection else None
    if isinstance(value, Secret):
        return "a secret"
    return f"'{value}'" if value not in (None, "") else "empty"
