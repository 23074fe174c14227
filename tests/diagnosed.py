"""What each test of a diagnosis asserts: the code, the first fix with the place of its key, and the words of the verdict."""

from __future__ import annotations

from probing import first, stands_at


def diagnosed(report, code, key, *, token="", credential="", says=(), retry=None):
    """The diagnosis that matters, if it is that one: its first fix is at `key`, whose place is a line of the file that holds
    it, or the part that would. `says` are words of its sentence, fixes and evidence."""
    found = first(report)
    assert code == found.code, report.diagnoses
    if key:
        assert key == found.fixes[0].key, found.fixes
        assert stands_at(found.fixes[0].place, key), found.fixes[0]
    else:
        assert () == found.fixes
    for wanted, verdict in ((token, report.token), (credential, report.credential)):
        assert not wanted or wanted == verdict.word, verdict
    told = " ".join([found.sentence, *found.evidence, *(fix.text for fix in found.fixes)])
    for words in (says,) if isinstance(says, str) else says:
        assert words in told, told
    assert retry is None or retry == found.retry
    return found
