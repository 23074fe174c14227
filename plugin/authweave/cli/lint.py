"""`authweave lint`: another name of `validate`, for who looks for it under this one. There is one door, and it is that."""

from __future__ import annotations

from typing import Final

from authweave.cli import COMMANDS
from authweave.cli.group import SETTINGS, Command
from authweave.cli.validate import command as validate

EXAMPLES: Final = """\
authweave lint                            as authweave validate: the files in ./profiles
authweave lint --online acme.yaml         and compare it with what its provider says
authweave lint --online --format json | jq '.files[].problems[] | select(.rule | startswith("online."))'
authweave lint --online acme.yaml --tenant blue -I region=eu
"""

command = Command("lint", params=validate.params, callback=validate.callback, help=validate.help, short_help=COMMANDS["lint"], context_settings=SETTINGS)
command.examples = EXAMPLES
