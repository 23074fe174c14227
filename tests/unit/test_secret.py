"""A `Secret` does not come out by accident: printed, logged, copied, pickled, compared, shown in a traceback."""

import copy
import dataclasses
import hashlib
import io
import json
import logging
import pickle
import pprint
import traceback
from collections import Counter

import pytest
import rich.console
import rich.pretty
import rich.traceback

from authweave.values import Secret
from thorough import every

VALUE = "hunter2-is-the-planted-value"
FORM = "{0} {0!s} {x}"
SECRET = Secret(VALUE, "environment variable AUTHWEAVE_ACME_CLIENT_SECRET")


@dataclasses.dataclass
class Holder:
    """Something that a host may hold a secret in."""

    name: str
    secret: Secret


def logged(*arguments):
    stream = io.StringIO()
    logger = logging.Logger("host")
    logger.addHandler(logging.StreamHandler(stream))
    logger.warning(*arguments)
    return stream.getvalue()


def rich_text(*shown, **options):
    console = rich.console.Console(file=io.StringIO(), width=300)
    console.print(*shown, **options)
    return console.file.getvalue()


def failing(secret):
    local = {"nested": [secret]}
    raise ValueError(f"failed with {secret} and {local}")


def traceback_with_locals():
    try:
        failing(SECRET)
    except ValueError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def rich_traceback_with_locals():
    try:
        failing(SECRET)
    except ValueError:
        return rich_text(rich.traceback.Traceback(show_locals=True, locals_max_string=None))


def refused_pickle():
    try:
        pickle.dumps({"a": SECRET})
    except TypeError as error:
        return str(error)


WAYS = {
    "str": lambda: str(SECRET),
    "repr": lambda: repr(SECRET),
    "ascii": lambda: ascii(SECRET),
    "f-string": lambda: f"{SECRET}",
    "f-string with width": lambda: f"{SECRET:>200}",
    "f-string with !r": lambda: f"{SECRET!r} {SECRET=}",
    "format": lambda: FORM.format(SECRET, x=SECRET),
    "percent": lambda: "%s %r %a" % (SECRET, SECRET, SECRET),  # noqa: UP031 - the old way is in use, too
    "join": lambda: ",".join(map(str, [SECRET])),
    "in a list": lambda: str([SECRET, (SECRET,), {"k": SECRET}]),
    "print": lambda: (stream := io.StringIO(), print(SECRET, [SECRET], file=stream))[0].getvalue(),
    "pprint": lambda: pprint.pformat({"secret": SECRET, "holder": Holder("a", SECRET)}, width=20),
    "dataclass": lambda: repr(Holder("a", SECRET)),
    "asdict": lambda: repr(dataclasses.asdict(Holder("a", SECRET))),
    "astuple": lambda: repr(dataclasses.astuple(Holder("a", SECRET))),
    "logging": lambda: logged("token %s %r", SECRET, {"s": SECRET}),
    "logging the thing itself": lambda: logged(SECRET),
    "rich": lambda: rich_text(SECRET, {"s": SECRET}, Holder("a", SECRET)),
    "rich pretty": lambda: rich.pretty.pretty_repr(Holder("a", SECRET), expand_all=True),
    "traceback": traceback_with_locals,
    "rich traceback": rich_traceback_with_locals,
    "json with a default": lambda: json.dumps({"s": SECRET}, default=str),
    "json default repr": lambda: json.dumps([SECRET], default=repr),
    "copy": lambda: repr(copy.copy(SECRET)),
    "deepcopy": lambda: repr(copy.deepcopy({"s": [SECRET]})),
    "exception": lambda: repr(ValueError(SECRET)) + str(KeyError(SECRET)),
    "pickle": refused_pickle,
    "dir": lambda: repr([getattr(SECRET, name, None) for name in dir(SECRET) if not name.startswith("_")]),
}


@every("way", WAYS)
def test_never_shown(way):
    """In whatever way it is shown, its mark stands there and not its value."""
    shown = WAYS[way]()

    assert VALUE not in shown
    assert "hunter2" not in shown
    assert shown


def test_mark_names_the_origin():
    """What is shown says where the secret came from, which is what a reader can act on."""
    assert str(SECRET) == "<secret from environment variable AUTHWEAVE_ACME_CLIENT_SECRET>"


@every("act", [
    lambda: json.dumps({"s": SECRET}),
    lambda: pickle.dumps(SECRET),
    lambda: [pickle.dumps(SECRET, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)],
    lambda: SECRET.__reduce__(),
    lambda: SECRET.__getstate__(),
    lambda: VALUE == SECRET,
    lambda: VALUE != SECRET,
    lambda: Secret(VALUE, "b") == SECRET,
    lambda: VALUE in [SECRET],
    lambda: {SECRET: 1},
    lambda: Counter([SECRET]),
    lambda: SECRET < SECRET,
    lambda: "x" + SECRET,
    lambda: SECRET + "x",
    lambda: "Bearer %d" % SECRET,  # noqa: UP031
    lambda: b"".join([SECRET]),
    lambda: len(SECRET),
    lambda: SECRET[0],
    lambda: list(SECRET),
    lambda: vars(SECRET),
    lambda: Holder("a", SECRET) == Holder("a", Secret(VALUE, "b")),
], ids=range(21))  # fmt: skip
def test_accidents_are_type_errors(act):
    """Serialising, comparing, hashing, adding and counting it are mistakes, and say so without the value."""
    with pytest.raises(TypeError) as refused:
        act()

    assert VALUE not in str(refused.value)


def test_frozen():
    """Its value and origin stay."""
    for name in ("origin", "_Secret__value", "other"):
        with pytest.raises(AttributeError):
            setattr(SECRET, name, "x")

    assert SECRET.reveal() == VALUE


def test_copies_are_the_same_secret():
    """A copy is the thing itself: no second one comes to be."""
    assert copy.deepcopy(SECRET) is SECRET
    assert copy.copy(SECRET) is SECRET
    assert dataclasses.replace(Holder("a", SECRET), name="b").secret is SECRET


@every("other, same", [
    (VALUE, True), (VALUE.encode(), True), (Secret(VALUE, "elsewhere"), True), (SECRET, True),
    (VALUE + "x", False), ("", False), (b"\xff", False), (VALUE[:-1], False), ("\ud800", False),
])  # fmt: skip
def test_matches(other, same):
    """The one comparison there is looks at values only, whatever holds them."""
    assert same is SECRET.matches(other)


def test_matches_any_text():
    """A secret that is no valid text is compared without an error that would quote it."""
    assert Secret("a\ud800", "x").matches("a\ud800")


def test_its_mark_is_of_this_process_alone():
    """Equal for equal values; whoever comes by one, in another process, cannot find the value by trying."""
    assert SECRET.mark == Secret(VALUE.encode(), "elsewhere").mark != Secret(VALUE[:-1], "elsewhere").mark
    assert SECRET.mark not in [hashlib.blake2b(VALUE.encode(), key=key, digest_size=16).digest() for key in (b"", bytes(16))]


@every("value", ["text", b"bytes", {"parsed": ["json", 1]}, 12, ""])
def test_reveal(value):
    """`reveal()` gives the very value, with its type."""
    assert value is Secret(value, "x").reveal()
