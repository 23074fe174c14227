"""What is told of a test that an error ended: how far it came says whose fault it is."""

from __future__ import annotations

from typing import Final

from authweave.diagnosis.signals import local_code
from authweave.errors import ApplyError, AuthweaveError, InputError, MissingInput, TokenError, WireError
from authweave.probe.api_part import unanswered
from authweave.probe.cases import api_facts, case_of
from authweave.probe.header_field import of_header
from authweave.probe.ledger import Ledger
from authweave.probe.recorder import Recorded
from authweave.probe.token_part import token_failed, token_got
from authweave.profile import Test
from authweave.values import Token

NOTHING_SENT: Final = "nothing was sent to the API"


def ended(ledger: Ledger, error: AuthweaveError, test: Test | None, records: list[Recorded], about: str) -> None:
    """A test that an error ended: whose fault it is can be seen from how far it came."""
    last = records[-1] if records else None
    if last is not None and last.purpose == "check":
        unanswered(ledger, last.error or error, last, test, about)
    elif isinstance(error, ApplyError) and (token := _token_of(ledger, records)) is not None and ledger.variant is not None:
        token_got(ledger, records, ledger.variant, token)
        _not_applied(ledger, error, test, about)
    elif last is not None or isinstance(error, TokenError | WireError):
        token_failed(ledger, error, records)
    elif isinstance(error, InputError):
        _unresolved(ledger, error)
    elif isinstance(error, ApplyError) and _lacks_token(ledger):
        token_failed(ledger, error, [])
    else:
        _not_applied(ledger, error, test, about)


def _not_applied(ledger: Ledger, error: AuthweaveError, test: Test | None, about: str) -> None:
    """Note a check that could not be made."""
    code = local_code(error)
    ledger.stage("apply", "failed", None, str(error), code=code, about=about)
    fields = (*(ledger.variant.fields if ledger.variant else ()), *(ledger.profile.fields if ledger.profile else ()), *(test.request.fields if test else ()))
    ledger.find(code, case_of(ledger, error=error, facts={**api_facts(ledger, test), **of_header(error, fields)}), "apply")
    ledger.judge("not_tested", NOTHING_SENT)


def _unresolved(ledger: Ledger, error: InputError) -> None:
    code = local_code(error)
    ledger.stages = [stage for stage in ledger.stages if stage.name != "resolve"]
    ledger.stage("resolve", "failed", None, str(error), code=code)
    places = {name: _supplied_by(ledger, name) for name in (error.names if isinstance(error, MissingInput) else (error.name,))}
    declared = error.name if ledger.profile is not None and error.name in ledger.profile.inputs else ""
    others = [(name, where) for name, where in places.items() if name != error.name and where]
    facts = {"input": declared, "supply": places.get(error.name) or "see above", "also_missing": others}
    ledger.find(code, case_of(ledger, error=error, facts=facts), "resolve")
    ledger.judge("not_tested", NOTHING_SENT)


def _supplied_by(ledger: Ledger, name: str) -> str:
    """Where a declared input is looked for first, and the option that gives it; '' for another one."""
    if ledger.profile is None or ledger.connection is None or name not in ledger.profile.inputs:
        return ""
    where = ledger.connection.inputs().describe(name)[:1]
    option = () if ledger.profile.inputs[name].secret or any("--input" in one for one in where) else (f"`--input {name}=…`",)
    return ", or ".join((*where, *option))


def _lacks_token(ledger: Ledger) -> bool:
    return ledger.variant is not None and ledger.variant.tokens is not None and _current(ledger) is None


def _token_of(ledger: Ledger, records: list[Recorded]) -> Token | None:
    """The token that these calls gave, where what came after it went wrong; None where they gave none."""
    gave = any(one.purpose == "token" and one.response is not None and one.response.status < 300 for one in records)
    return _current(ledger) if gave else None


def _current(ledger: Ledger) -> Token | None:
    if ledger.connection is None or ledger.variant is None or ledger.variant.tokens is None:
        return None
    tokens = ledger.connection.credential(ledger.variant).tokens
    return tokens.current if tokens is not None else None
