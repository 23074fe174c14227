"""Foreign processes are started, waited for, and always stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parts import process as processes
from parts.part import HERE
from parts.process import PartFailed, running

READY = "import os, pathlib; pathlib.Path(os.environ['PART_READY']).write_text('{\"pid\": %d}' % os.getpid())\n"
SLEEP = "import time; time.sleep(60)\n"


def is_alive(pid: int) -> bool:
    """Does it run? One that has ended, but that nobody has asked for its exit code yet, does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and ") Z " in status.read_text())


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_server_is_stopped_also_after_a_failure(tmp_path: Path) -> None:
    """Whatever happens while it runs, the process is gone afterwards."""
    seen = []

    def fail() -> None:
        with running(python(READY + SLEEP), tmp_path, config={}) as facts:
            seen.append((facts["pid"], is_alive(facts["pid"])))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    [(pid, was_alive)] = seen
    assert was_alive
    assert not is_alive(pid)


def test_a_server_that_does_not_want_to_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ignores SIGTERM gets a little patience, then SIGKILL."""
    monkeypatch.setattr(processes, "GRACE", 0.2)
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"

    with running(python(stubborn + READY + SLEEP), tmp_path, config={}) as facts:
        pass

    assert not is_alive(facts["pid"])


def test_a_server_that_ends_at_once_shows_its_last_words(tmp_path: Path) -> None:
    """No waiting for what is dead: the error has the exit code and the end of the log."""
    start = time.monotonic()

    with (
        pytest.raises(PartFailed, match=r"(?s)exit code 3.*port is taken"),
        running(python("import sys; print('port is taken'); sys.exit(3)"), tmp_path, config={}),
    ):
        raise AssertionError("it cannot have started")

    assert time.monotonic() - start < 5


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    """Patience ends, and the silent process with it."""
    silent = "import os, pathlib; pathlib.Path('pid').write_text(str(os.getpid()))\n"

    with pytest.raises(PartFailed, match="does not answer"), running(python(silent + SLEEP), tmp_path, config={}, patience=2.0):
        raise AssertionError("it cannot have started")

    assert not is_alive(int((tmp_path / "pid").read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's own")
def test_servers_die_with_a_test_run_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL leaves no time to clean up: the kernel does it."""
    starter = (
        "import sys, pathlib, time\n"
        f"sys.path.insert(0, {str(HERE.parent)!r})\n"
        "from parts.process import running\n"
        f"with running([sys.executable, '-c', {READY + SLEEP!r}], pathlib.Path('.').resolve(), config={{}}):\n"
        "    print('up', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(python(starter), cwd=tmp_path, stdout=subprocess.PIPE) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == b"up\n"
        server = int("".join(filter(str.isdigit, (tmp_path / "ready.json").read_text())))
        runner.send_signal(signal.SIGKILL)

    end = time.monotonic() + 3
    while is_alive(server) and time.monotonic() < end:
        time.sleep(0.01)

    assert not is_alive(server)
