"""The command line of the fuzz targets, where there is no fuzzer."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parent / "fuzz"
WITHOUT = """
import importlib.util, runpy, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "atheris" else found(name, package)
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_without_the_fuzzer_a_target_says_what_to_install():
    """No traceback and no 1, which means that a bug was found: one line with the extra to install."""
    done = subprocess.run([sys.executable, "-c", WITHOUT, str(FUZZ / "loader.py"), "--seconds", "1"], capture_output=True, text=True, check=False)

    assert 2 == done.returncode
    assert "pip install -e '.[fuzz]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert "" == done.stdout


def test_a_hint_is_a_problem_like_any_other(monkeypatch):
    """The loader's target knows every severity: a profile with a hint alone (`url.letters`) is no finding."""
    monkeypatch.syspath_prepend(str(FUZZ))
    check = runpy.run_path(str(FUZZ / "loader.py"))["check"]
    text = b"format: 1\nname: fuzz\nidentity_provider: Acme\nservers: ['https://api.xn--80ak6aa92e.example']\nauth: {type: bearer}\n"

    assert "url.letters" in str(check(text))
