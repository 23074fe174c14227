"""One change of a text, proven by reading the text again."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from authweave.documents import parse_document
from authweave.editing.json_spans import json_span
from authweave.editing.splices import insertions, removals, renamings, replacements
from authweave.editing.styles import JSON, YAML
from authweave.editing.yaml_spans import yaml_span
from authweave.errors import EditRefused
from authweave.values import Path, dotted


def edited(source: str, path: Path, value: Any, *, json: bool = False, order: Sequence[str] = ()) -> str:
    """The text with `value` at `path`, and nothing else changed. Where the key is not there, it is inserted.

    `value` is plain data. A new key comes after the last of those that stand before it in `order`, else at the end of its
    map; what is missing around it is written, too. An index one beyond a list appends to it. Raises EditRefused where the
    text cannot be read, or the change cannot be made alone.
    """
    data = _read(source, path, json=json)
    at, rest = _reached(data, path)
    wanted = _with(data, at, rest, value, path)
    language, root = (JSON, json_span(source)) if json else (YAML, yaml_span(source))
    made = _nested(rest[1:], value, path)
    if not rest:
        texts = replacements(source, root, at, made, language)
    elif root.below(at).kind == "scalar":
        texts = replacements(source, root, at, _nested(rest, value, path), language)
    else:
        texts = insertions(source, root, at, rest[0], made, language, order)
    return _proven(texts, wanted, path, json=json)


def renamed(source: str, path: Path, key: str, *, json: bool = False) -> str:
    """The text with the key at `path` written as `key`; its value stays as it is written. Raises EditRefused."""
    data = _read(source, path, json=json)
    at, rest = _reached(data, path)
    holder = _at(data, path[:-1]) if path and not rest else None
    if not isinstance(holder, dict) or key in holder:
        raise EditRefused(dotted(path), f"it cannot be renamed to {key}: " + ("that is there already" if isinstance(holder, dict) else "it is not there"))
    wanted = copy.deepcopy(data)
    target = _at(wanted, path[:-1])
    target[key] = target.pop(path[-1])
    language, root = (JSON, json_span(source)) if json else (YAML, yaml_span(source))
    return _proven(renamings(source, root, at, key, language), wanted, path, json=json)


def removed(source: str, path: Path, *, json: bool = False) -> str:
    """The text without the key at `path`, its line and the comment on that. Raises EditRefused."""
    data = _read(source, path, json=json)
    at, rest = _reached(data, path)
    if not path or rest or not isinstance(_at(data, path[:-1]), dict):
        raise EditRefused(dotted(path), "it cannot be taken out: it is no key of this text")
    wanted = copy.deepcopy(data)
    del _at(wanted, path[:-1])[path[-1]]
    root = json_span(source) if json else yaml_span(source)
    return _proven(removals(source, root, at), wanted, path, json=json)


def _read(source: str, path: Path, *, json: bool) -> Any:
    document = parse_document(source, "the text", json=json)
    if document.problems or not isinstance(document.data, dict):
        raise EditRefused(dotted(path), "the text cannot be read as it stands; mend it first")
    return document.data


def _proven(texts: Iterable[str], wanted: Any, path: Path, *, json: bool) -> str:
    """The first of the texts that holds what is wanted."""
    for text in texts:
        document = parse_document(text, "the text", json=json)
        if not document.problems and is_same(document.data, wanted):
            return text
    raise EditRefused(dotted(path), "there is no way to write it that leaves everything else as it is; change the file by hand")


def is_same(one: Any, other: Any) -> bool:
    """Are both the same data, of the same types? `1`, `1.0` and `true` differ."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)


def _reached(data: Any, path: Path) -> tuple[Path, Path]:
    """How far the path is there, and what is missing of it."""
    for depth in range(len(path)):
        if not _holds(_at(data, path[:depth]), path[depth]):
            return path[:depth], path[depth:]
    return path, ()


def _with(data: Any, at: Path, rest: Path, value: Any, path: Path) -> Any:
    """The data after the change. Raises EditRefused for a path that leads nowhere."""
    wanted = copy.deepcopy(data)
    value = copy.deepcopy(value)
    if not path:
        raise EditRefused("", "a whole document is not edited, only a key of it")
    if not rest:
        _at(wanted, at[:-1])[at[-1]] = value
        return wanted
    holder = _at(wanted, at)
    if holder is None and at:
        _at(wanted, at[:-1])[at[-1]] = _nested(rest, value, path)
    elif isinstance(holder, dict) and isinstance(rest[0], str):
        holder[rest[0]] = _nested(rest[1:], value, path)
    elif isinstance(holder, list) and rest[0] == len(holder):
        holder.append(_nested(rest[1:], value, path))
    else:
        raise EditRefused(dotted(path), f"{dotted(at)} holds no such part, and cannot get one")
    return wanted


def _nested(rest: Path, value: Any, path: Path) -> Any:
    for part in reversed(rest):
        if isinstance(part, int) and part != 0:
            raise EditRefused(dotted(path), "a list that is not there begins with its first item")
        value = [value] if isinstance(part, int) else {part: value}
    return value


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data)


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data
