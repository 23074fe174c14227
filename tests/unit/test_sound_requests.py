"""What gets into a request past its fields: the platform's own task request, and what an extension writes."""

import pytest

from authweave.drafts.draft import Draft
from authweave.drafts.sound import refuse_unsound, refuse_unsound_seal
from authweave.errors import ApplyError, PlacementError
from authweave.values import TaskRequest
from hostile import MARK, tells_nothing
from services import connect, engine
from thorough import every

URL = "https://api.example.com/a"
BAD = [
    TaskRequest(f"GET /x HTTP/1.1\r\n{MARK}: 1", URL), TaskRequest("", URL), TaskRequest("GÉT", URL), TaskRequest("GET", f"{URL}\r\n{MARK}"), TaskRequest("GET", f"{URL}?{MARK}\ud800"),
    TaskRequest("GET", f"{URL}/{MARK} x"), TaskRequest("GET", f"{URL}/{MARK}\x85"), TaskRequest("GET", URL, {"X": f"{MARK}\r\nX-Injected: 1"}), TaskRequest("GET", URL, {"X": f"{MARK}\x00"}),
    TaskRequest("GET", URL, {"X": f"{MARK}\u560a"}), TaskRequest("GET", URL, {f"X\r\n{MARK}": "1"}), TaskRequest("GET", URL, {"": MARK}), TaskRequest("GET", URL, {"X: y": MARK}), TaskRequest("GET", URL, {"X": f"{MARK}\x7f"}),
]  # fmt: skip


@every("request_", BAD, ids=range(len(BAD)))
def test_a_platforms_own_request(request_):
    """`authorize` hands back nothing that whoever sends it would send as more than one request, and tells none of it."""
    connection = connect({"type": "api_key"}, "https://api.example.com", run=engine(inputs={"api_key": "k3y"}))

    for _ in range(2):  # the second goes the quick way
        with pytest.raises(ApplyError) as refused:
            connection.authorize(request_).result(10)
        tells_nothing(refused.value)
        assert connection.authorize(TaskRequest("GET", URL)).result(10).header("x-api-key") == "k3y"


def test_what_http_has_always_let_pass():
    """Bytes beyond ASCII in a caller's own header, a tab in it, methods of others."""
    refuse_unsound(TaskRequest("PROPFIND", URL, {"X": "caf\xe9\tx", "Y": "", "Z": " a "}))


@every("name, value", [("X", f"{MARK}\r\nY: 1"), ("X", f"{MARK}é"), ("X", f" {MARK}"), ("Authorization", f"{MARK}\x00"), ("X", "x" * 140_000)])
def test_what_a_seal_writes(name, value):
    """It is held to the rules of a field; what was there before it is not its business."""
    before = TaskRequest("GET", URL, (("Own", "caf\xe9"),))

    with pytest.raises(PlacementError) as refused:
        refuse_unsound_seal(before, TaskRequest("GET", URL, (*before.headers, (name, value))))
    tells_nothing(refused.value)
    refuse_unsound_seal(before, TaskRequest("GET", f"{URL}?sig=1", (*before.headers, ("X", "ok"))))
    for odd in ("\r\n", "\x85", "\x7f", " ", "\ud800"):
        with pytest.raises(PlacementError):
            refuse_unsound_seal(before, TaskRequest("GET", f"{URL}?sig=1{odd}", before.headers))


def test_what_a_strangers_placement_writes():
    """A line break in a header that an extension placed is refused, too."""
    from authweave.drafts.fields import apply_fields
    from authweave.profile import Field

    class Odd:
        name, title = "odd", "odd"

        def wrong_key(self, key):
            return None

        def place(self, draft, key, value, on_conflict):
            draft.headers = [*draft.headers, (key, value)]

    field = Field(placement=Odd(), key="X", value=f"{MARK}\r\nY: 1", origin="fields[0]")
    with pytest.raises(PlacementError) as refused:
        apply_fields(Draft.of(TaskRequest("GET", URL)), [field], {})
    tells_nothing(refused.value)
