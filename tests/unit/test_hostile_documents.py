"""Files of strangers, through the library and the command line: each is refused, or read, within a second of CPU and 50 MB."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from authweave.cli.running import run
from authweave.documents import MAX_BYTES
from authweave.errors import ExtensionError, PatternError, SettingsError, UsageError
from authweave.extensions.catalog import Catalog
from authweave.frame import NAME
from authweave.hookspecs import hookimpl
from authweave.loading import check_text
from authweave.patterns import compile_pattern, proven, searching
from authweave.schema.descent import validator_of
from authweave.settings.files import SettingsFile
from authweave.testing import SchemeContract
from thorough import every

HEAD = "format: 1\nname: a\nidentity_provider: A\nservers: ['https://a.example']\nauth: {type: bearer}\n"
OAUTH = "format: 1\nname: a\nidentity_provider: A\nservers: ['https://a.example']\nauth:\n  type: oauth2\n  grant_type: client_credentials\n  token_url: https://a.example/t\n"
CPU = 4.0
"""Seconds, four times what is promised: a busy machine has cold caches."""
MEMORY = 50 * 1000 * 1000


def rows(row: Callable[[int], str], count: int, start: str = "", end: str = "") -> str:
    """As many rows as are asked for and fit into a file."""
    made, size = [start], len((start + end).encode())
    for number in range(count):
        size += len((one := row(number)).encode())
        if size > MAX_BYTES:
            break
        made.append(one)
    return "".join(made) + end


def variants(auth: str, count: int, fields: int) -> str:
    """A sound profile of many variants and many fields, which is bound: for each variant all of them are looked at."""
    start = HEAD.replace("auth: {type: bearer}\n", "inputs: {x: {}}\nfields:\n") + rows(lambda n: f"- {{in: header, key: X-{n}, value: v}}\n", fields) + "auth:\n"
    return rows(lambda n: f"- {{name: n{n}, {auth}, when: '{{{{ inputs.x }}}}'}}\n", count, start, "- {name: z, type: none}\n")


DOCUMENTS = {
    "fields": rows(lambda n: f"- {{in: header, key: X-{n}, value: v}}\n", 2400, HEAD + "fields:\n"),
    "fields of expressions": rows(lambda n: f"- {{in: header, key: X-{n}, value: '{{{{ {n} ~ inputs.x }}}}'}}\n", 998, HEAD + "inputs: {x: {}}\nfields:\n"),
    "fields of too many": rows(lambda n: f"- {{in: header, key: X-{n}, value: '{{{{ {n} ~ inputs.x }}}}'}}\n", 2400, HEAD + "inputs: {x: {}}\nfields:\n"),
    "fields of unknown places": rows(lambda n: f"- {{in: hedaer, key: X-{n}, value: v}}\n", 2400, HEAD + "fields:\n"),
    "fields of unknown keys": rows(lambda n: f"- {{im: header, kye: X-{n}, vlaue: v}}\n", 2400, HEAD + "fields:\n"),
    "fields that are the same": rows(lambda n: "- {in: header, key: X, value: v}\n", 2400, HEAD + "fields:\n"),
    "undeclared inputs": rows(lambda n: f"- {{in: header, key: X-{n}, value: '{{{{ inputs.u{n} }}}}'}}\n", 990, HEAD + "fields:\n"),
    "unknown names": HEAD + "fields:\n- in: header\n  key: a\n  value: [" + "'{{ bad.x }}'," * 990 + "]\n",
    "long templates": rows(lambda n: f"- {{in: header, key: a{n}, value: \"{{{{ 1 ~ {'~'.join(map(str, range(n, n + 400)))} }}}}\"}}\n", 30, HEAD + "fields:\n"),
    "servers": rows(lambda n: f"- https://a{n}.example\n", 9000, HEAD.replace("servers: ['https://a.example']\n", "") + "servers:\n"),
    "servers without TLS": rows(lambda n: f"- http://a{n}\n", 9000, HEAD.replace("servers: ['https://a.example']\n", "") + "servers:\n"),
    "scopes": OAUTH + "  scopes: [" + ",".join(f"s{n}" for n in range(15_000)) + "]\n",
    "pairs of scopes": OAUTH + "  scopes: [" + ",".join(f"{{key: s{n}, value: x}}" for n in range(3900)) + "]\n",
    "inputs": rows(lambda n: f"  i{n}: {{}}\n", 9000, HEAD + "inputs:\n"),
    "inputs of patterns": rows(lambda n: f"  i{n}: {{pattern: 'a{n}(({'a?' * 200}){{9}})*'}}\n", 600, HEAD + "inputs:\n"),
    "an enum": HEAD + "inputs:\n  x: {default: q, enum: [" + ",".join(f"v{n}" for n in range(19_000)) + "]}\n",
    "variables": rows(lambda n: f"  v{n}: x\n", 9000, HEAD + "vars:\n"),
    "a chain": rows(lambda n: f"  v{n}: '{{{{ vars.v{n + 1} }}}}'\n", 990, HEAD + "vars:\n", "  v990: x\n"),
    "a circle": rows(lambda n: f"  v{n}: '{{{{ vars.v{(n + 1) % 990} }}}}'\n", 990, HEAD + "vars:\n"),
    "variants": rows(lambda n: f"- {{name: n{n}, type: bearer, when: '{{{{ inputs.x }}}}'}}\n", 490, HEAD.replace("auth: {type: bearer}\n", "inputs: {x: {}}\nauth:\n"), "- {name: z, type: bearer}\n"),
    "variants and fields": variants("type: none", 900, fields=1500), "grants and fields": variants("type: oauth2, grant_type: client_credentials, token_url: 'https://a.example/t'", 160, fields=2000),
    "unknown variants": rows(lambda n: f"- {{name: n{n}, type: baerer}}\n", 2400, HEAD.replace("auth: {type: bearer}\n", "auth:\n")),
    "unknown keys": rows(lambda n: f"servers{n}: v\n", 9000, HEAD),
    "keys of its own": rows(lambda n: f"x-k{n}: v\n", 9000, HEAD),
    "tests": rows(lambda n: f"- {{name: t{n}, request: {{url: /a}}}}\n", 2400, HEAD + "test:\n"),
    "claims": HEAD.replace("auth: {type: bearer}\n", "auth:\n  type: jwt\n  assertion:\n    claims:\n") + "".join(f"      c{n}: v\n" for n in range(9000)),
    "renamed": OAUTH + "  token_request: {rename: {" + ",".join(f"o{n}: p{n}" for n in range(8000)) + "}}\n",
    "a name": "format: 1\nname: " + "a-" * 120_000 + "!\nauth: {type: bearer}\n",
    "a version": HEAD + "version: 1.0.0-" + "a.-" * 80_000 + "!\n",
    "a URL": HEAD.replace("https://a.example", "https://a.example/" + "a/" * 100_000),
    "placeholders": HEAD.replace("https://a.example", "https://a.example/" + "{k}/" * 60_000),
    "a condition": HEAD.replace("auth: {type: bearer}\n", "auth:\n- {name: x, type: bearer, when: '{{" + "}} " * 80_000 + "'}\n- {name: y, type: bearer}\n"),
    "a description": HEAD + "description: '" + "inputs . " * 28_000 + "'\n",
    "laughs": "a: &a [x]\n" + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "nesting": "[" * 5000 + "]" * 5000, "block nesting": "".join(" " * n + "-\n" for n in range(600)), "ten megabytes": 'k: "' + "x" * 10_000_000 + '"',
    "a hundred megabytes": "k: " + "x" * 100_000_000, "duplicates": "a: b\n" * 50_000, "NUL": "a: b\0\n" * 40_000, "tags": "- !!python/object/apply:os.system [id]\n" * 4000,
    "keys of ids": rows(lambda n: f"k{n * 2654435761 % 2**32}: v\n", 9900, HEAD), "gzip": "\x1f\x8b\x08\x00" + "\0" * 1000,
}  # fmt: skip

PROGRAM = textwrap.dedent(
    """
    import json, os, sys
    from authweave import load
    from authweave.cli.running import run
    from authweave.errors import AuthweaveError

    def loaded(path):
        try:
            load(path)
        except AuthweaveError as refused:
            problems = refused.problems
            return [type(refused).__name__, len(problems), max(len(str(problem)) for problem in problems)]
        return ["", 0, 0]

    def told(path):
        with open(path + ".told", "wb", buffering=0) as out:
            sys.stdout.flush()
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
            code = run(["validate", path])
            sys.stdout.flush()
        with open(path + ".told", errors="replace") as lines:
            return [code, "Traceback" in (words := lines.read()), words.count("\\n")]

    def outcome(work, path):
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            os.write(writing, json.dumps(work(path)).encode())
            os._exit(0)
        os.close(writing)
        _, status, used = os.wait4(child, 0)
        with open(reading) as answer:
            return status, json.loads(answer.read() or "null"), used.ru_utime + used.ru_stime, used.ru_maxrss * 1024

    good, *paths = json.loads(sys.argv[1])
    load(good), told
    for work in (loaded, told):
        *_, usual_cpu, usual_memory = outcome(work, good)
        for path in paths:
            status, found, cpu, memory = outcome(work, path)
            print(json.dumps([status, found, cpu - usual_cpu, memory - usual_memory]), flush=True)
    """
)
WARM = HEAD + "fields: [{in: header, key: a, value: '{{ inputs.x | lower }}'}]\ninputs: {x: {}}\n"


def outcomes(names: Iterable[str], folder: Path) -> list[tuple[str, Any]]:
    """Each document loaded, and each given to `authweave validate`, in a child of its own of one process: how it ended, what was found, CPU seconds, bytes."""
    texts = {"good": WARM, **{name: DOCUMENTS[name] for name in names}}
    paths = []
    for number, text in enumerate(texts.values()):
        (folder / str(number)).mkdir()
        (folder / str(number) / "a.yaml").write_text(text, encoding="utf-8")
        paths.append(str(folder / str(number) / "a.yaml"))
    process = subprocess.run([sys.executable, "-c", PROGRAM, json.dumps(paths)], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr[-2000:]
    found = list(map(json.loads, process.stdout.splitlines()))
    assert len(found) == 2 * (len(texts) - 1)
    return list(zip(list(texts)[1:] * 2, found, strict=True))


def all_end_soon_and_small(names: Iterable[str], folder: Path) -> None:
    listed = outcomes(names, folder)
    half = len(listed) // 2

    bad = [(name, *one) for name, one in listed if one[0] or one[2] > CPU or one[3] > MEMORY]
    untyped = [(name, one[1]) for name, one in listed[:half] if one[1][0] not in ("", "ProfileError") or one[1][1] > 101 or one[1][2] > 2500]
    odd = [(name, one[1]) for name, one in listed[half:] if one[1][0] not in (0, 1) or one[1][1] or one[1][2] >= 110]

    assert (bad, untyped, odd) == ([], [], [])


@pytest.mark.thorough
def test_each_ends_soon_and_small(tmp_path: Path) -> None:
    """Every document, loaded and validated at the command line: within the CPU and memory, a typed error, a hundred short problems at the most, exit 0 or 1."""
    all_end_soon_and_small(DOCUMENTS, tmp_path)


def test_one_in_many_ends_soon_and_small(tmp_path: Path) -> None:
    """The same of a few that cost little."""
    all_end_soon_and_small(("laughs", "ten megabytes"), tmp_path)


def test_the_command_line_waits_for_no_file(tmp_path: Path) -> None:
    """A pipe nobody writes to, a device without end, a socket: each is refused, and at once."""
    paths = [tmp_path / f"{kind}.yaml" for kind in ("pipe", "device", "socket")]
    os.mkfifo(paths[0])
    paths[1].symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(paths[2]))

    run = subprocess.run([sys.executable, "-m", "authweave", "validate", *map(str, paths)], capture_output=True, text=True, timeout=60, check=False)

    assert (run.returncode, "Traceback" in run.stderr) == (1, False)
    assert [path.stem for path in paths if path.name not in run.stdout] == []


def test_the_command_line_follows_no_circle(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A link to itself, and a folder of nothing but a folder, are errors of use."""
    (tmp_path / "circle.yaml").symlink_to(tmp_path / "circle.yaml")
    (tmp_path / "folder.yaml" / "inner.yaml").mkdir(parents=True)

    codes = [run(["validate", str(tmp_path / name)]) for name in ("circle.yaml", "folder.yaml")]

    assert codes[0] == 2
    assert codes[1] in (1, 2)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("how", ["../b", "/etc/passwd", "b/../../c", "file:///etc/passwd", "http://127.0.0.1/x", "b\\..\\c", ".b", "b@../../c", "%2e%2e/b"])
def test_a_parent_is_only_found_by_its_name(how: str, tmp_path: Path) -> None:
    """`extends` names a profile beside the file, and is no path: nothing outside of the folders is opened."""
    (tmp_path / "b.yaml").write_text(HEAD.replace("name: a\n", "name: b\n"))
    (tmp_path / "in").mkdir()
    opened: list[str] = []
    hook = threading.local()
    hook.on = True
    sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" and getattr(hook, "on", False) else None)

    checked = check_text(HEAD + f"extends: {json.dumps(how)}\n", str(tmp_path / "in" / "a.yaml"))
    hook.on = False

    assert not checked.is_valid
    assert not [path for path in opened if path.startswith(("/etc", str(tmp_path)))]


# Nothing is fetched


def test_no_reference_of_a_document_is_followed() -> None:
    """`$schema` and `$ref` of a profile, at any depth, in both languages: unknown keys, and no connection, no look-up, no file."""
    events: list[str] = []
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/x.json"
    hook = threading.local()
    hook.on = True
    sys.addaudithook(lambda event, given: events.append(event) if getattr(hook, "on", False) and event.startswith(("socket.", "urllib.")) else None)
    for text in (
        f"{HEAD}$schema: {url}\n$ref: {url}\n", f"{HEAD}fields:\n- {{$ref: '{url}', in: header, key: a, value: b}}\n", f"$schema: file:///etc/passwd\n$ref: {url}\n",
        f"{HEAD}x-a: {{$ref: '{url}'}}\n", HEAD.replace("type: bearer", f"type: bearer, $ref: '{url}', $dynamicRef: '{url}'"),
    ):  # fmt: skip
        check_text(text, "a.yaml")
        check_text(json.dumps({"$schema": url, "$ref": url, "format": 1}), "a.json")
    hook.on = False

    assert events == []
    with pytest.raises(BlockingIOError):
        listening.accept()
    listening.close()


class Badge(SchemeContract):
    """Only to borrow a sound scheme."""

    __test__ = False


def registered(fragment: dict[str, Any]) -> Catalog:
    bearer = Catalog(installed=False).find("schemes", "bearer")
    scheme = type("Badge", (bearer,), {"__doc__": "A badge.", "name": "acme.badge", "schema": fragment})

    class Package:
        @hookimpl
        def register_schemes(self, register: Any) -> None:
            register(scheme)

    catalog = Catalog(installed=False)
    catalog.add(Package(), "acme", "acme-authweave")
    return catalog


@every("fragment", [
    {"properties": {"a": {"$ref": "http://127.0.0.1:9/x.json"}}}, {"$schema": "http://127.0.0.1:9/x"}, {"properties": {"a": {"$dynamicRef": "#a"}}},
    {"properties": {"a": {"$id": "http://127.0.0.1:9/"}}}, {"allOf": [{"if": {"$ref": "file:///etc/passwd"}}]}, {"properties": {"a": {"items": {"$recursiveRef": "#"}}}},
    {"properties": {"a": {"pattern": "(a+)+$"}, "b": {"pattern": "^(?!a)"}}}, {"properties": {"a": {"patternProperties": {r"(a)\1": True}}}},
    {"properties": {"a": {"pattern": "(a{1000}){1000}"}}}, {"properties": {"a": {"pattern": 1}}}, {"unevaluatedProperties": False},
    {"properties": {"a": {"propertyNames": {"pattern": "a++"}}}}, {"properties": {"a": {"pattern": "^a|b$"}}},
], ids=str)  # fmt: skip
def test_no_fragment_of_a_package_looks_elsewhere_or_explodes(fragment: dict[str, Any]) -> None:
    """References, and patterns that are not linear, are refused when the package registers."""
    with pytest.raises(ExtensionError, match="linear time"):
        registered(fragment)


def test_a_sound_fragment_is_asked_in_linear_time() -> None:
    """Patterns of a package run in the linear engine, lists that hold each item once are compared by sorting out, and the answers are jsonschema's."""
    registered({"properties": {"a": {"pattern": "^(a|aa)+$"}, "b": {"type": "array", "uniqueItems": True}}, "$defs": {}})
    fragment = {
        "properties": {"a": {"pattern": "^(a|aa)+$"}, "b": {"uniqueItems": True}}, "patternProperties": {"^(x|xx)+$": {"type": "string"}}, "additionalProperties": False,
    }  # fmt: skip
    quick = validator_of(fragment)

    assert quick.is_valid({"a": "aaa", "b": [1, True, "1", [1], {"c": 1}], "xxx": "y"})
    for wrong in ({"a": "a" * 5000 + "!"}, {"b": [1, 2, 1.0]}, {"b": [{"c": [1]}, {"c": [1.0]}]}, {"x" * 5000 + "y": "y"}, {"xx": 1}, {"c": 1}):
        assert not quick.is_valid(wrong)
    assert quick.is_valid({"b": list(range(100_000))})


def test_a_reference_that_came_by_after_all_is_not_fetched() -> None:
    """The validator has no way to fetch: its registry is empty."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)

    with pytest.raises(Exception, match=r"Unresolvable|127\.0\.0\.1"):
        validator_of({"$ref": f"http://127.0.0.1:{listening.getsockname()[1]}/x.json"}).is_valid({})
    with pytest.raises(BlockingIOError):
        listening.accept()
    listening.close()


@pytest.mark.thorough
def test_our_own_patterns_are_linear() -> None:
    """Python's engine runs those that are written here, and none takes long for any of the values that make others explode."""
    check_text(HEAD, "a.yaml")
    pumps = ["a", "a-", "-", "0", "0.", "1.0.0-a.", "{{", "}}", "}} ", " ", "x-", "@1.", "a/a;", ";", "\t", "_", "A1", "https://", "a.a", "é"]
    values = [start + pump * (6_000 // len(pump)) + end for pump in pumps for start in ("", "{{", "1.0.0-", "a/") for end in ("!", "{")]

    program = "import json, resource, sys, re\nresource.setrlimit(resource.RLIMIT_CPU, (30, 30))\npatterns, values = json.load(sys.stdin)\n"
    program += "for pattern in patterns:\n    search = re.compile(pattern).search\n    for value in values: search(value)\n"
    run = subprocess.run([sys.executable, "-c", program], input=json.dumps([sorted(proven()), values]), text=True, capture_output=True, check=False)

    assert NAME in proven()
    assert (run.returncode, len(proven()) > 10) == (0, True)


REDOS = [
    "(a+)+$", "(a*)*$", "([a-zA-Z]+)*$", "(a|aa)+$", "(a|a?)+$", "(.*a){20}$", "(a+)+b", "^(([a-z])+.)+[A-Z]([a-z])+$", r"(\w+\s?)*$", r"^(\d+)*$", "(x+x+)+y",
    r"([^,]*,)*$", r"^(([^<>()\[\].,;:\s@]+(\.[^<>()\[\].,;:\s@]+)*)|(.+))@a$", "(a|b|ab)*c", "(a{1,30}){1,30}b", "(?:a?){100}a{100}", r"(.|\n)*x", "(ab|a|b)*$",
    "(a{0,9}){0,9}", "((a{1,9}){1,9}){1,9}", "(" + "|".join(["aa"] * 100) + ")*b", "([à-ÿ]|é|è)*x", r"(\s|\t| )*x",
]  # fmt: skip
NEVER = [
    r"(a)\1", r"(?=a)", r"(?!a)", r"(?<=a)", "(?>a)", "a++", "(?i)a", "(?i:a)", "a{1,1000}{1,1000}", "(a{1,1000}){1,1000}", "((a{1,99}){1,99}){1,99}", r"\p{L}+",
    r"\bword\b", "(?P<n>a)(?P=n)", "(?(1)a|b)", "a{99999}", "(" * 200 + ")" * 200, "a" * 501, "|".join(["abcdefghij"] * 99), r"\X", r"(?R)", r"\g<0>",
]  # fmt: skip


@pytest.mark.thorough
def test_no_pattern_explodes() -> None:
    """The known ones answer no, on long values, in a process that may use half a minute of CPU for all of them together."""
    program = "import json, resource, sys\nfrom authweave.patterns import compile_pattern, searching\nresource.setrlimit(resource.RLIMIT_CPU, (30, 30))\n"
    program += "for pattern in json.load(sys.stdin):\n    for pump in ('a', 'ab', 'x', ' ', 'é', 'a,', '1'):\n"
    program += "        compile_pattern(pattern).matches(pump * 6000 + '!\\n!')\n        searching(pattern)(pump * 6000 + '!\\n!')\n"
    listed = [pattern.removesuffix("$").removeprefix("^") for pattern in REDOS]

    run = subprocess.run([sys.executable, "-c", program], input=json.dumps(listed), text=True, capture_output=True, check=False)

    assert (run.returncode, run.stderr) == (0, "")


@every("pattern", NEVER)
def test_what_is_not_linear_is_refused(pattern: str) -> None:
    """By name, in `pattern` and in schemas."""
    for read in (compile_pattern, searching):
        with pytest.raises(PatternError):
            read(pattern)


@every("pattern, found, not_found", [
    ("a", ["a", "bab"], ["b"]), ("^a", ["ab"], ["ba"]), ("a$", ["ba"], ["ab", "a\n"]), ("^(?:a|b)$", ["a", "b"], ["ab"]), ("a|b", ["xby"], ["c"]),
    (r"a\$", ["a$b"], ["a"]), (r"^[a|b]$", ["|"], ["ab"]), (r"^a(?![\s\S])", ["a"], ["ab"]), ("", ["", "x"], []), (r"^\d{2}", ["12x"], ["x12", "١٢"]),
])  # fmt: skip
def test_a_pattern_of_a_schema_is_found_anywhere(pattern: str, found: list[str], not_found: list[str]) -> None:
    """As ECMA-262 has it: anchored only by `^` and `$`."""
    assert ([value for value in found if not searching(pattern)(value)], [value for value in not_found if searching(pattern)(value)]) == ([], [])


# Other files that are read


@pytest.mark.parametrize(("text", "says"), [
    ("a" + ".a" * 100_000 + " = 1", "dots"), ("a = " + "[" * 9000, "dots or brackets"), ("a = " + "[" * 1500 + "]" * 1500, "nested too deeply"), ("a = " + "9" * 5000, "number"),
    ("a = 1\n" * 2, "TOML"), ("a = '\x00'", "TOML"), ("x" * 300_000, "larger"), ("a = 2024-13-45", "TOML"),
])  # fmt: skip
def test_settings_that_are_bombs_are_refused(text: str, says: str, tmp_path: Path) -> None:
    """Whatever is in `authweave.toml`, what comes is our own error."""
    (tmp_path / "authweave.toml").write_text(text)

    with pytest.raises(SettingsError, match=says):
        SettingsFile.read(tmp_path / "authweave.toml", "authweave.toml")


def test_no_pipe_is_waited_for_as_settings_or_cassette(tmp_path: Path) -> None:
    """Nor is a device read without end."""
    from authweave.cassettes.places import read

    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(SettingsError, match="not a regular file"):
            SettingsFile.read(path, "authweave.toml")
        with pytest.raises(UsageError, match="not a regular file"):
            read(path)


@pytest.mark.parametrize("text", [
    "[" * 100_000, '{"format": ' + "9" * 5000 + "}", '{"format": 1, "a": NaN}', '{"format": 1e999999}', "\ufeff{}", "{}", '{"format": 1, "recorded": "\\ud800"}',
    '{"format": 1,}', "// a\n{}", '{"format": 1, "x": [' + "0," * 500_000 + "0]}", " " * 5_000_000,
])  # fmt: skip
def test_cassettes_that_are_bombs_are_refused(text: str, tmp_path: Path) -> None:
    """Whatever is in a cassette, what comes is our own error."""
    from authweave.cassettes.places import read

    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"no cassette|another format"):
        read(tmp_path / "a.json")
