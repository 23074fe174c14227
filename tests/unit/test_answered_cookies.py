"""Cookies of a challenge go back with its answer."""


from authweave.applying.answered_cookies import with_cookies
from authweave.values import TaskRequest, TaskResponse
from thorough import every


@every("given, answered, sent", [
    (None, ["a=1; Path=/; HttpOnly"], "a=1"),
    ("b=2", ["a=1"], "b=2; a=1"),
    ("a=0; b=2", ["a=1"], "a=1; b=2"),
    ("a=0; b=2", ["a=; Max-Age=0"], "b=2"),
    ("a=0", ["a=; max-age=-1; Path=/"], None),
    ("b=2", ["nonsense", "=x", "c=a b", "d=1\r\ne=2"], "b=2"),
    (None, ['q="quoted"', "x=1"], 'q="quoted"; x=1'),
])  # fmt: skip
def test_what_goes_back(given, answered, sent):
    """Set, replaced or taken away as the answer says; what is no cookie is left alone."""
    request = TaskRequest("GET", "https://h.example/", (("X-A", "1"), *([("cookie", given)] if given else [])))
    response = TaskResponse(401, tuple(("Set-Cookie", line) for line in answered))

    assert sent == with_cookies(request, response).header("cookie")
    assert "1" == with_cookies(request, response).header("x-a")
