"""How the URL of a call came about: the templates, the inputs that made it, and the proxy between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from authweave.errors import AuthweaveError, ProxyFailure, TemplateError, UrlRefused
from authweave.probe.ledger import Ledger
from authweave.probe.recorder import Recorded
from authweave.profile import Variant
from authweave.urls import UrlTemplate
from authweave.values import Secret

_EXPRESSION: Final = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_INPUT: Final = re.compile(r"inputs\.([A-Za-z_]\w*)")


def of_url(ledger: Ledger, record: Recorded, variant: Variant | None) -> dict[str, Any]:
    """Which inputs made the URL that was called, and how it is written: an empty or wrong tenant is a usual reason."""
    templates = _templates(ledger, record, variant)
    names = _inputs_in(read for template in templates.values() for read in template.reads)
    hosts = _inputs_in(read for template in templates.values() for read in template.host_reads) or names
    facts: dict[str, Any] = {"url_inputs": names, "host_inputs": hosts}
    if record.reply is None:
        facts["evidence"] = [*(_written(ledger, templates) if names else ()), *_ways(ledger, record, variant)]
    if names and (record.reply is None or record.reply.status == 404):
        facts["input"] = hosts[0]
    return facts


def of_refused_url(ledger: Ledger, error: UrlRefused | TemplateError, variant: Variant | None) -> dict[str, Any]:
    """The same of a URL that could not be made; of the templates that the error names, if it names one."""
    templates = {**_of_tokens(variant), **_of_servers(ledger)}
    templates = {key: template for key, template in templates.items() if key.rpartition(".")[2] in str(error)} or templates
    names = _inputs_in(read for template in templates.values() for read in template.reads)
    empty = [name for name in names if _shown(ledger, name) == "empty"]
    return {"evidence": list(_written(ledger, templates)), "input": (empty or names)[0], "url_inputs": names, "empty_input": bool(empty)} if names else {}


def _templates(ledger: Ledger, record: Recorded, variant: Variant | None) -> dict[str, UrlTemplate]:
    if record.is_token_call and variant is not None and variant.tokens is not None:
        return _of_tokens(variant)
    return _of_servers(ledger)


def _of_tokens(variant: Variant | None) -> dict[str, UrlTemplate]:
    token_url = variant.tokens.token_url if variant is not None and variant.tokens is not None else None
    return {f"{variant.origin}.token_url": token_url} if variant is not None and token_url is not None else {}


def _of_servers(ledger: Ledger) -> dict[str, UrlTemplate]:
    return {f"servers[{index}]": template for index, template in enumerate(ledger.profile.servers if ledger.profile else ())}


def _inputs_in(reads: Any) -> list[str]:
    return sorted({read[1] for read in reads if read[0] == "inputs" and len(read) > 1})


def _written(ledger: Ledger, templates: dict[str, UrlTemplate]) -> Iterator[str]:
    """Each template, what it became where an input is empty, and the inputs."""
    for key, template in templates.items():
        if template.reads:
            yield f"{key}: {template.text}"
            if (filled := _filled(ledger, template.text)) != template.text:
                yield f"{key} is {filled}"
    for name in _inputs_in(read for template in templates.values() for read in template.reads):
        yield f"inputs.{name} is {_shown(ledger, name)}"


def _filled(ledger: Ledger, text: str) -> str:
    """The text with `‹tenant empty›` where an expression reads an input that is empty."""

    def shown(found: re.Match[str]) -> str:
        read = _INPUT.search(found[1])
        return f"‹{read[1]} empty›" if read is not None and _shown(ledger, read[1]) == "empty" else found[0]

    return _EXPRESSION.sub(shown, text)


def _shown(ledger: Ledger, name: str) -> str:
    value = None
    with suppress(AuthweaveError):
        value = ledger.connection.inputs()[name] if ledger.connection else None
    if isinstance(value, Secret):
        return "a secret"
    return f"'{value}'" if value not in (None, "") else "empty"


def _ways(ledger: Ledger, record: Recorded, variant: Variant | None) -> Iterator[str]:
    """How calls to token endpoint and API go, where a proxy is why one got no answer: the others may not go through it."""
    for key, template in {**_of_tokens(variant), **_of_servers(ledger)}.items() if isinstance(record.error, ProxyFailure) else ():
        with suppress(AuthweaveError):
            url = template.render(ledger.scope()).replace("://*.", "://any.").partition("{")[0]
            yield f"calls to {key} go {ledger.engine.wire.way_of(url)}"
