"""The report as a page, in a real browser: what is seen, what is reached by keyboard, and that nothing in it runs or leaves."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import sockets
from authweave.report import Edit, Explained, Report, Timing, Try, Verdict
from authweave.reports.html import HtmlReport
from probing import oauth, report_of, run, says_json, written

if TYPE_CHECKING:
    from parts.chromium import Browser

KINDS = ("accepted", "refused", "renewed", "open", "unreachable", "unsent", "invalid", "crowded", "many")
HOSTILE = "</style><script>window.pwned=1;alert(1)</script><img src=https://evil.example/x onerror=alert(1)><svg onload=alert(1)>"
FAILED = (("refused", "invalid_client"), ("renewed", "api_401"), ("unreachable", "connect_refused"))


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Reports of real runs: each server behaves in one way."""
    folder = tmp_path_factory.mktemp("profiles")
    refusal = {"error": "invalid_client", "error_description": HOSTILE, "error_uri": "https://errors.example/7000215"}
    return {
        "accepted": report_of(folder),
        "refused": report_of(folder, says_json(refusal, 401)),
        "renewed": report_of(folder, api=says_json({"error": HOSTILE}, 401)),
        "open": report_of(folder, api=says_json({"error": "x"}, 404)),
        "unreachable": run(written(folder, oauth(f"http://127.0.0.1:{sockets.free_port()}/a/rather/long/way/to/the/token"))),
        "unsent": run(written(folder, oauth("https://a.invalid/t")), inputs={}),
        "invalid": run(written(folder, {"type": "oauth2", "wrong": 1})),
    }


@pytest.fixture(scope="session")
def pages(reports: dict[str, Report], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Their pages, one where everything is that can be, and one of many."""
    folder = tmp_path_factory.mktemp("pages")
    texts = {name: HtmlReport().render(report) for name, report in reports.items()}
    texts["crowded"] = HtmlReport().render(crowded(reports["renewed"]))
    texts["many"] = HtmlReport().render_many([replace(report, tenant=name) for name, report in reports.items()])
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="ascii")
    return {name: folder / f"{name}.html" for name in texts}


def crowded(report: Report) -> Report:
    """With browser and proxy, five lines in all, long hosts, and everything that only some reports have."""
    first = report.exchanges[0]
    way = (Timing("dns", 3.0, ""), Timing("proxy", 20.0, "through http://proxy.corporation.example:3128 (from HTTPS_PROXY)"), *first.timings)
    url = "https://login.of-a-very-long-name.example/00000000-aaaa-bbbb-cccc-0123456789ab/oauth2/v2.0/token"
    calls = [
        replace(first, purpose=purpose, title=purpose.title(), asked=replace(first.asked, url=url, target=url[41:]), timings=way, ms=1234.5)
        for purpose in ("discovery", "authorize", "token", "introspection")
    ]
    tries = (
        Try("auth.client_auth", "client_secret_post", Verdict("obtained"), Verdict("accepted"), 200, "", 80.0),
        Try("auth.scope_separator", ",", Verdict(), Verdict(), word="the budget is spent", sent=False),
    )
    edit = Edit("auth.client_auth", "acme.yaml:5", ("  client_auth: client_secret_basic",), ("  client_auth: client_secret_post",))
    return replace(
        report, exchanges=(*calls, *report.exchanges), explained=Explained(tries, edit, ("Accounts may lock.",)), compared=("one more call",),
        messages=("Ask for the role.",), sandbox=True, recorded="2026-11-01T09:00:00Z", stale=("another scope is asked for",),
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_it_fits_everywhere(chromium: Browser, pages: dict[str, Path], kind: str) -> None:
    """From a telephone to a wide screen there is nothing to scroll to the side, and nothing of the picture is cut."""
    chromium.visit(pages[kind])
    for width in (320, 360, 740, 800, 1600):
        chromium.resize(width)

        assert width == chromium.evaluate("document.documentElement.scrollWidth")
        assert [] == chromium.evaluate(OUTSIDE)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1000, "light")])
@pytest.mark.parametrize("kind", KINDS)
def test_everybody_can_read_it(chromium: Browser, pages: dict[str, Path], kind: str, width: int, scheme: str) -> None:
    """By day and by night a judge of accessibility finds nothing, no line is on the console, and nothing is asked for but the page itself."""
    chromium.visit(pages[kind], width=width, scheme=scheme)

    assert [] == chromium.violations()
    seen = chromium.seen()
    assert ([], [], 0) == (seen.console, seen.errors, seen.dialogs)
    assert {pages[kind].as_uri()} == {url for url in seen.requests if not url.startswith("data:,")}


@pytest.mark.parametrize("tab", ["headers", "response", "stages"])
def test_what_is_behind_the_tabs_can_be_read_everywhere(chromium: Browser, pages: dict[str, Path], tab: str) -> None:
    """The same holds for every tab, on the narrowest screen, at night."""
    chromium.visit(pages["crowded"], width=320, scheme="dark")

    chromium.click(f"label[for=tab-{tab}]")

    assert 320 == chromium.evaluate("document.documentElement.scrollWidth")
    assert [] == chromium.violations()


# Texts of pictures that are shown and reach out of the sheet.
OUTSIDE = """[...document.querySelectorAll('.picture text')].filter(one => {
  const box = one.getBoundingClientRect(), sheet = one.closest('.report').getBoundingClientRect();
  return box.width && (box.left < sheet.left || box.right > sheet.right);
}).map(one => one.textContent)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("kind", "code"), FAILED)
def test_the_arrow_that_failed_is_seen(chromium: Browser, pages: dict[str, Path], kind: str, code: str, scheme: str) -> None:
    """One arrow is red, dashed and crossed, in the first screen, with the code beside it; no other is."""
    chromium.visit(pages[kind], scheme=scheme)

    [failed] = chromium.evaluate(
        "[...document.querySelectorAll('line.arrow.failed')].map(one => ({box: one.getBoundingClientRect().toJSON(), ...style(one)}));"
        .replace("style(one)", "(({stroke, strokeDasharray}) => ({stroke, strokeDasharray}))(getComputedStyle(one))")
    )  # fmt: skip
    red, green, blue = rgb(failed["stroke"])
    assert red > 1.5 * max(green, blue) or red > 240 > 1.4 * max(green, blue)
    assert "none" != failed["strokeDasharray"]
    assert failed["box"]["width"] > 100
    assert 0 < failed["box"]["top"] < 900
    assert 1 == chromium.evaluate("document.querySelectorAll('circle.disc.failed').length")
    answer = chromium.evaluate("[...document.querySelectorAll('text.answer.failed')].filter(one => one.getBoundingClientRect().width).map(one => ({text: one.textContent, y: one.getBoundingClientRect().bottom}))")
    assert [code] == [one["text"].rpartition(" ")[2] for one in answer]
    assert abs(answer[0]["y"] - failed["box"]["top"]) < 30


@pytest.mark.parametrize("kind", ["accepted", "open"])
def test_no_arrow_failed_where_nothing_was_refused(chromium: Browser, pages: dict[str, Path], kind: str) -> None:
    """What is accepted is not marked; what stays open is marked otherwise."""
    chromium.visit(pages[kind])

    assert 0 == chromium.evaluate("document.querySelectorAll('.arrow.failed, .disc.failed').length")
    assert (kind == "open") == bool(chromium.evaluate("document.querySelectorAll('line.arrow.open').length"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["refused", "open", "unsent", "crowded"])
def test_the_picture_has_contrast(chromium: Browser, pages: dict[str, Path], kind: str, scheme: str) -> None:
    """Texts of the picture, which judges of accessibility leave out, stand off from what is behind them as WCAG's level AA asks: 4.5 to 1."""
    chromium.visit(pages[kind], scheme=scheme)

    pairs = chromium.evaluate(
        "[...document.querySelectorAll('.picture text:not(.number, .sign)')].map(one => (({fill, stroke}) => [fill, stroke])(getComputedStyle(one)))"
    )
    assert len(pairs) > 5
    for fill, behind in pairs:
        assert contrast(rgb(fill), rgb(behind)) >= 4.5


@pytest.mark.parametrize("javascript", [True, False])
def test_tabs_by_keyboard(chromium: Browser, pages: dict[str, Path], javascript: bool) -> None:
    """Arrow keys go from tab to tab, what is chosen is shown alone, and one sees where one is: with a script and without."""
    chromium.visit(pages["refused"], javascript=javascript)
    for _ in range(12):
        chromium.press("Tab")
        if chromium.evaluate("document.activeElement.matches('.tabs > input')"):
            break
    assert "tab-diagnosis" == chromium.evaluate("document.activeElement.id")
    assert "none" != chromium.evaluate("getComputedStyle(document.activeElement.nextElementSibling).outlineStyle")

    shown = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight"):
        chromium.press(key)
        shown.append(chromium.evaluate("[...document.querySelectorAll('.panels > section')].filter(one => one.checkVisibility()).map(one => one.firstElementChild.textContent)"))

    assert [["Stages"], ["Headers"], ["Response"], ["Diagnosis"]] == shown


@pytest.mark.parametrize("kind", ["refused", "renewed", "many"])
def test_what_servers_say_does_not_run(chromium: Browser, pages: dict[str, Path], kind: str) -> None:
    """Markup in an answer is text: no script ran, no dialog opened, nothing was asked for, and it can be read as it came."""
    chromium.visit(pages[kind])

    assert "undefined" == chromium.evaluate("typeof window.pwned")
    assert "<script>window.pwned=1" in chromium.evaluate("document.body.textContent")
    assert 1 == chromium.evaluate("document.scripts.length")
    assert 0 == chromium.evaluate("document.images.length")
    seen = chromium.seen()
    assert ([], 0) == (seen.errors, seen.dialogs)
    assert not [url for url in seen.requests if "evil" in url]


def test_the_policy_holds_were_something_to_slip_in(chromium: Browser, pages: dict[str, Path]) -> None:
    """A script, a style, an image or a frame that stands in the page after all is refused by the browser, which says so."""
    chromium.visit(pages["refused"])

    chromium.evaluate(
        """(() => {
          const add = (name, set) => { const one = document.createElement(name); set(one); document.body.append(one); };
          add("script", one => { one.textContent = "window.pwned = 1"; });
          add("style", one => { one.textContent = "body { display: none }"; });
          add("img", one => { one.src = "https://evil.example/x"; });
          add("div", one => { one.setAttribute("onclick", "window.pwned = 1"); one.click(); });
        })()"""
    )
    chromium.evaluate("fetch('https://evil.example/y').catch(() => 0)")

    assert "undefined" == chromium.evaluate("typeof window.pwned")
    assert chromium.is_visible("h1")
    said = "\n".join(chromium.seen().console)
    for directive in ("script-src", "style-src", "img-src", "default-src"):
        assert directive in said


def test_paper_shows_everything(chromium: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    """Printed, every tab is there with its title, the diagnosis first, every fold is open, and it is dark on white."""
    chromium.visit(pages["crowded"], scheme="dark", javascript=False)
    chromium.as_media("print")

    titles = chromium.evaluate("[...document.querySelectorAll('.panels > section > :first-child')].filter(one => one.checkVisibility() && one.offsetHeight > 10).sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top).map(one => one.textContent)")
    hidden = chromium.evaluate("[...document.querySelectorAll('details > :not(summary)')].filter(one => !one.checkVisibility({contentVisibilityAuto: true}) || !one.getClientRects().length).length")
    colours = chromium.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    chromium.pdf(tmp_path / "report.pdf")

    assert ["Diagnosis", "Headers", "Response", "Stages"] == titles
    assert 0 == hidden
    assert contrast(*map(rgb, colours)) > 10
    assert (255, 255, 255) == rgb(colours[0])
    assert (tmp_path / "report.pdf").read_bytes().count(b"/Type /Page\n") > 1


@pytest.mark.parametrize("javascript", [True, False])
def test_a_line_of_the_table_opens_its_report(chromium: Browser, pages: dict[str, Path], javascript: bool) -> None:
    """Following a link unfolds the report on the same page, without a script, too; its tabs are its own."""
    chromium.visit(pages["many"], javascript=javascript)
    assert not chromium.is_visible("#r1-verdict")

    chromium.click("a[href='#r1-top']")

    assert chromium.is_visible("#r1-verdict")
    assert not chromium.is_visible("#r2-verdict")
    chromium.click("label[for=r1-tab-response]")
    assert chromium.is_visible("#r1-answered-1")


def test_the_table_shows_what_is_asked_for(chromium: Browser, pages: dict[str, Path]) -> None:
    """By state, without a script; and by words, with one."""
    rows = "[...document.querySelectorAll('.runs tbody tr')].filter(one => one.checkVisibility()).map(one => one.querySelector('[data-name=Tenant]').textContent.trim())"
    chromium.visit(pages["many"])
    everything = chromium.evaluate(rows)

    chromium.click("label[for=show-open]")
    still_open = chromium.evaluate(rows)
    chromium.click("label[for=show-all]")
    assert 100 < chromium.evaluate("document.querySelector('.finder').getBoundingClientRect().width")
    chromium.evaluate("(() => { const finder = document.querySelector('.finder'); finder.value = 'API_401'; finder.dispatchEvent(new Event('input')); })()")

    assert len(everything) == 7
    assert ["open", "unreachable"] == still_open
    assert ["renewed"] == chromium.evaluate(rows)


def rgb(colour: str) -> tuple[int, int, int]:
    """`rgb(1, 2, 3)` as numbers."""
    found = [int(float(number)) for number in re.findall(r"[\d.]+", colour)[:3]]
    return found[0], found[1], found[2]


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """How far two colours stand apart, from 1 to 21 (WCAG 2)."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: tuple[int, int, int]) -> float:
    shares: list[Any] = [value / 255 for value in colour]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in shares]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
