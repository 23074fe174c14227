"""What a new profile wants from outside: for each input the environment variable that it is read from."""

from __future__ import annotations

from authweave.profile import Profile
from authweave.settings import VARIABLES
from authweave.settings.variable_names import variables


def exports(profile: Profile) -> list[tuple[str, str]]:
    """Variable and what it is, for every input without a default; the secret ones last."""
    wanted = [asked for asked in profile.inputs.values() if asked.required and asked.default is None]
    return [
        (variables(profile.name, asked.name, "", VARIABLES)[-1], f"{asked.title or asked.name}{' (secret)' if asked.secret else ''}")
        for asked in sorted(wanted, key=lambda asked: asked.secret)
        if variables(profile.name, asked.name, "", VARIABLES)
    ]  # fmt: skip
