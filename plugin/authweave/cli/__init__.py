"""The command line: thin doors to the package.

A command is one module here with a click command called `command`, and one line in COMMANDS. Nothing heavy is imported
for `--help`: the module of a command is imported when the command runs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

COMMANDS: Final[Mapping[str, str]] = {
    "validate": "Say everything that is wrong with profiles, each with its place and what would be right.",
    "lint": "Another name of validate; with --online, what a provider's metadata say against its profile.",
    "show": "Print a profile with every default written out, or the settings in force.",
    "preview": "Show the exact requests a profile makes, offline, and where each part comes from.",
    "test": "Test auth: the real path in stages, what was sent, what came back, and what to change.",
    "request": "Send a request with a profile's credential, much like curl.",
    "login": "Sign in: in a browser on this machine, by pasting what another shows, or at a device.",
    "logout": "Sign out: end a user's token at the provider, and forget it here.",
    "token": "Get a token and print what it is good for, but not the token.",
    "status": "Say how every token is: good, ending, refused, waiting for a person, or orphaned by an edit.",
    "tokens": "List, show, revoke or forget the tokens that are stored, without ever printing one.",
    "store": "Check the store of tokens, or give it a new sealing key.",
    "new": "Write a profile: from a provider's metadata, like another, or by a form.",
    "list": "List the profiles there are.",
    "plugins": "List what is loaded from where, and what each package adds.",
    "schema": "Print the JSON Schema of profiles, or compare it with the published one.",
    "sandbox": "Run an identity provider and an API on this machine to try profiles against.",
    "demo": "See shipped profiles work against the sandbox, and one that fails.",
}
"""Every command by its name (which is that of its module) with its line in `authweave --help`."""


def main() -> None:
    """The `authweave` command: runs the arguments of this process, and ends it with the exit code."""
    from authweave.cli.running import run

    sys.exit(run(sys.argv[1:]))
