"""The lines of a run of many: what they say, that they fit, and that nothing else disturbs them."""

import io
import sys

import pytest

from authweave.cli.testing.live import HEIGHT, Bar, Lines, Live, lines, live
from authweave.matrix import Event, Run
from authweave.report import Report, Stage, Verdict
from authweave.reports.page import cells
from terminals import Screen
from thorough import few


class Tty(io.StringIO):
    """A stream that leads to a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def report(word):
    return Report(profile="x", token=Verdict(word), stages=(Stage("load", "ok"),))


@pytest.mark.parametrize("columns", few([20, 40, 80, 200], every=3))
@pytest.mark.parametrize("unicode", [True, False])
def test_every_line_fits(columns, unicode):
    """Wide names, many names, many digits: always three lines, each with room for the cursor."""
    now = Live(100_000, io.StringIO(), {})
    for number in range(64):
        now.hear(Event(number, Run("デバイスの認証" * 3, tenant=f"t{number}")))
    now.counts.update(accepted=99_000, refused=40, inconclusive=5, input_missing=2)

    shown = lines(now, columns, 7384.0, unicode)

    assert HEIGHT == len(shown)
    assert all(cells(line) < columns for line in shown)
    assert unicode or all(line.isascii() for line in shown)


def test_counts_and_names():
    """What ended is counted by how it came out; what is under way is named in its order."""
    now = Live(5, io.StringIO(), {})
    for number, word in enumerate(["obtained", "refused", "inconclusive"]):
        now.hear(Event(number, Run("done")))
        now.hear(Event(number, Run("done"), report(word)))
    now.hear(Event(4, Run("b", tenant="eu")))
    now.hear(Event(3, Run("a.yaml")))

    bar, counts, names = lines(now, 60, 61.0)

    assert bar.endswith(" 3/5  1:01")
    assert "1 accepted, 1 refused, 1 inconclusive" == counts
    assert "now: a, b eu" == names


def test_messages_stand_above_the_bar():
    """What anybody writes to standard error meanwhile is a line of its own, and the bar stays whole below it."""
    stream = Tty()
    with live(3, stream, {"TERM": "xterm"}) as shown:
        assert isinstance(shown, Bar)
        print("authweave: a", "word", file=sys.stderr)
        print("and another", file=sys.stderr, flush=True)
        screen = Screen(80, 24)
        with shown.lock:
            screen.write(stream.getvalue())
    after = Screen(80, 24)
    after.write(stream.getvalue())

    assert ["authweave: a word", "and another"] == screen.text()[:2]
    assert 2 + HEIGHT == len(screen.text())
    assert ["authweave: a word", "and another", ""] == after.text()


def test_a_pipe_gets_a_line_for_each_that_is_not_accepted():
    """And nothing that moves a cursor, whatever a profile is called."""
    stream = io.StringIO()
    with live(2, stream, {"TERM": "xterm"}) as shown:
        assert isinstance(shown, Lines)
        shown.hear(Event(0, Run("good"), report("obtained")))
        shown.hear(Event(1, Run("ba\x1bd", tenant="e\nu"), report("refused")))

    assert "ba\\x1bd e\\nu: refused\n" == stream.getvalue()
