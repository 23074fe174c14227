"""A profile changed on purpose, by dotted keys: read and checked anew, with the marks of its file."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from authweave.binding import bind
from authweave.checking.document import check
from authweave.errors import ProfileError
from authweave.extensions.catalog import default_catalog
from authweave.loading import parents_in
from authweave.resources import profiles_folder
from authweave.sandbox.faults.fault import ABSENT, Fault

if TYPE_CHECKING:
    from authweave.profile import Profile


def faulty(profile: Profile, faults: Iterable[Fault]) -> Profile:
    """The profile as the client gets it. Raises ProfileError where a fault makes something that is not valid."""
    for fault in faults:
        if fault.profile is not None:
            profile = patched(profile, fault.profile(profile))
    return profile


def patched(profile: Profile, changes: Mapping[str, Any]) -> Profile:
    """The profile with these keys (`auth.token_url`; of several variants `auth` is the first) changed, or ABSENT.

    Inputs that nothing reads any more go with what read them. Raises ProfileError."""
    document = profile.merged.document
    data = copy.deepcopy(document.data)
    for key, value in changes.items():
        _put(data, key.split("."), value)
    parents = parents_in((Path(document.source).parent, profiles_folder()))
    checked = check(dataclasses.replace(document, data=data), default_catalog(), parents)
    if unread := [problem.key.removeprefix("inputs.") for problem in checked.problems if problem.rule == "input.unused"]:
        data["inputs"] = {name: spec for name, spec in data.get("inputs", {}).items() if name not in unread}
        checked = check(dataclasses.replace(document, data=data), default_catalog(), parents)
    if not checked.is_valid:
        raise ProfileError(checked.problems)
    return bind(checked)


def _put(data: Any, path: list[str], value: Any) -> None:
    inside = data
    for name in path[:-1]:
        inside = inside.setdefault(name, {})
        inside = inside[0] if isinstance(inside, list) and name == "auth" else inside
    if value is ABSENT:
        inside.pop(path[-1], None)
    else:
        inside[path[-1]] = value
