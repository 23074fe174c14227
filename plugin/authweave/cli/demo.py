"""`authweave demo`: the main job on the shipped profiles, against the sandbox, in a few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from authweave.cli.common import Exit, Place, command_of, place_options
from authweave.cli.sandbox import chosen_profiles

if TYPE_CHECKING:
    from authweave.report import Diagnosis, Exchange, Part, Report
    from authweave.reports.page import Page
    from authweave.sandbox.demonstration import Failed, Lived, Scene, Shown

EXAMPLES: Final = """\
authweave demo                 every shipped profile
authweave demo acme.yaml       a profile of your own
NO_COLOR=1 authweave demo      without colours
"""
_INDENT: Final = 12


@command_of("demo", examples=EXAMPLES)
@click.argument("profiles", nargs=-1, metavar="[PROFILE]...")
@place_options
def command(profiles: tuple[str, ...], place: Place) -> Exit:
    """See profiles work: validated, their tokens got over TLS, applied to requests, reused, renewed, and one refused.

    Needs no account and no network: every call goes the real path, and a route leads it to the sandbox, an identity
    provider and an API on this machine that really check what they get. That is a lesson, never a proof.

    Ends with 0 only if everything behaved as it should.
    """
    from authweave.sandbox.demonstration import scenes

    start = time.monotonic()
    with place.engine() as engine:
        chosen = chosen_profiles(engine, profiles)
    _print(_opening, len(chosen))
    results = []
    for scene in scenes(chosen):
        _print(_scene, scene)
        results.append(scene.went_well)
    _print(_closing, results, time.monotonic() - start)
    return Exit.OK if results and all(results) else Exit.REFUSED


def _print(write: Any, *values: Any) -> None:
    """What `write` puts on a page that fits the terminal, at once: a demonstration is watched."""
    from authweave.reports.page import Page

    page = Page.for_stream(sys.stdout)
    write(page, *values)
    print(page.text(), flush=True)


_MADE: Final = frozenset({"state", "code_challenge", "code_challenge_method", "oauth_token"})
"""Parameters of a link that are made anew each time, and tell nothing of the profile."""


def _opening(page: Page, count: int) -> None:
    page.add(f"authweave demo: {_counted(count, 'profile')} against the sandbox on this machine", style="title")
    page.add("Real requests over TLS to the profiles' own URLs, led here. A teacher, never a proof.", style="dim")


def _scene(page: Page, scene: Scene) -> None:
    from authweave.sandbox.demonstration import Failed, Lived

    if isinstance(scene, Lived):
        _lived(page, scene)
    elif isinstance(scene, Failed):
        _failed(page, scene)
    else:
        _shown(page, scene)


def _shown(page: Page, shown: Shown) -> None:
    report, profile = shown.report, shown.profile
    with_inputs = "".join(f", {name}={value}" for name, value in shown.chosen.items())
    title = f"{profile.name} {profile.version} ({profile.identity_provider}){with_inputs}"
    page.add(f"{title}  {'✓ valid' if report.is_valid else '✗ not valid'}", style="title")
    for exchange in report.exchanges:
        _exchange(page, exchange, report)
    if shown.task:
        _line(page, shown.task_status == 200, "task", shown.task)
        page.add(", ".join(shown.placed), lead="placed  ", indent=_INDENT, lead_style="dim")
        page.add(f"→ {shown.task_status}", indent=_INDENT, style="ok" if shown.task_status == 200 else "failed")
    if not shown.went_well:
        page.add(f"token {report.token.word}, credential {report.credential.word}", indent=_INDENT, style="failed")
        _diagnoses(page, report)


def _exchange(page: Page, exchange: Exchange, report: Report) -> None:
    asked, answered = exchange.asked, exchange.answered
    if exchange.purpose == "authorize":
        _sign_in(page, exchange)
        return
    status = answered.status if answered else 0
    is_check = exchange.purpose == "check"
    _line(page, 200 <= status < 300, "task" if is_check else "token", f"{asked.method} {asked.url}")
    for place, parts in (("header", asked.headers), ("payload", asked.body.parts)):
        lead = f"{place:8}"
        for line in _packed(_parts(parts), page.width - _INDENT - len(lead)):
            page.add(line, lead=lead, indent=_INDENT, lead_style="dim")
            lead = " " * len(lead)
    word = report.credential.word if is_check else f"{report.token.word}: {report.token.reason}"
    good = 200 <= status < 300
    page.add(
        f"→ {status} {word}" if answered else f"→ {exchange.error}", indent=_INDENT, style="ok" if good else "failed"
    )


def _sign_in(page: Page, exchange: Exchange) -> None:
    """The way of a person's browser: what the link asks for, and where it came back to."""
    asked, answered = exchange.asked, exchange.answered
    _line(page, answered is not None, "person", asked.url.partition("?")[0])
    lead = f"{'link':8}"
    told = tuple(part for part in asked.query if part.name not in _MADE)
    for line in _packed(_parts(told), page.width - _INDENT - len(lead)):
        page.add(line, lead=lead, indent=_INDENT, lead_style="dim")
        lead = " " * len(lead)
    back = next((part.value.partition("?")[0] for part in answered.headers), "") if answered else ""
    page.add(f"→ back at {back}" if back else "→ nobody came back", indent=_INDENT, style="ok" if back else "failed")


def _parts(parts: tuple[Part, ...]) -> Iterator[str]:
    """What the profile put there; what every request has is left out."""
    for part in parts:
        if part.origin and part.origin != "standard":
            yield f"{part.name}: {part.value}"


def _packed(parts: Iterable[str], width: int) -> list[str]:
    """As many on a line as fit, none broken for another's sake."""
    from authweave.reports.page import cells

    lines: list[str] = []
    for part in parts:
        if lines and cells(lines[-1]) + 2 + cells(part) <= width:
            lines[-1] += f"; {part}"
        else:
            lines.append(part)
    return lines


def _lived(page: Page, lived: Lived) -> None:
    from authweave.sandbox.demonstration import REQUESTS

    before, after = lived.before, lived.after
    first, later = lived.statuses[:REQUESTS], lived.statuses[REQUESTS:]
    words = {"token": "token request", "refresh": "refresh"}
    more = [_counted(after[kind] - before[kind], words[kind]) for kind in words if after[kind] > before[kind]]
    page.add(f"The life of a token ({lived.profile.name})", style="title")
    reused = (
        f"{_counted(REQUESTS, 'request')} → {', '.join(map(str, first))}; {_counted(before['token'], 'token request')}"
    )
    _line(page, lived.was_reused, "reused", reused)
    renewed = f"it dies before its time → {' → '.join(map(str, later))}; {' and '.join(more) or 'no token'} more"
    _line(page, lived.was_renewed, "renewed", renewed)


def _failed(page: Page, failed: Failed) -> None:
    page.add(f"And when the secret is wrong ({failed.profile.name})", style="title")
    _line(page, failed.went_well, "found", f"token {failed.report.token.word}; what authweave test says:")
    _diagnoses(page, failed.report)


def _diagnoses(page: Page, report: Report) -> None:
    """Each code once: a profile with several checks meets the same trouble in each."""
    errors = {found.code: found for found in reversed(report.diagnoses) if found.severity == "error"}
    for found in reversed(errors.values()):
        _diagnosis(page, found)


def _diagnosis(page: Page, found: Diagnosis) -> None:
    page.add(found.sentence, lead=f"{found.code}  ", indent=_INDENT, lead_style="code")
    for line in found.evidence:
        if line.partition(": ")[2] not in found.sentence:
            page.add(line, lead="seen  ", indent=_INDENT, lead_style="dim")
    for number, fix in enumerate(found.fixes, 1):
        where = f" ({_short(fix.place)})" if fix.place else ""
        page.add(f"{fix.key}{where}: {fix.text}", lead=f"fix {number} ", indent=_INDENT, lead_style="key")


def _short(place: str) -> str:
    """The place without the folder of the shipped profiles: wherever that is, it says nothing here."""
    from authweave.resources import profiles_folder

    return place.removeprefix(f"{profiles_folder()}/")


def _line(page: Page, good: bool, word: str, text: str) -> None:
    page.add(text, lead=f"  {'✓' if good else '✗'} {word:7} ", lead_style="ok" if good else "failed")


def _counted(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("sh") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def _closing(page: Page, results: list[bool], seconds: float) -> None:
    good = all(results) and bool(results)
    words = "all as it should be" if good else f"{results.count(False)} of {len(results)} not as it should be"
    page.add(f"{'✓' if good else '✗'} {words}, in {seconds:.1f} s", style="ok" if good else "failed")
    page.add("Next: authweave test nuance-mix-runtime --sandbox     the whole report of one profile")
    page.add("      authweave sandbox                               the same servers, to try things against")
