"""The inputs that options of a command line give, as a source that names these options where one is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authweave.sources.mapping import MappingSource

if TYPE_CHECKING:
    from authweave.profile import Input


class GivenSource(MappingSource):
    """Of commands that take every option for inputs."""

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """How somebody gives it to this command; a secret never as an argument."""
        if asked.secret:
            return f"--input-file {asked.name}=PATH or --prompt {asked.name}"
        return f"--input {asked.name}=VALUE"


class LookingSource(MappingSource):
    """Of commands that only look, and take no secret but in a folder."""

    def describe(self, profile: str, asked: Input, tenant: str) -> str:
        """How somebody gives it to this command."""
        return f"{profile}.{asked.name} in --secrets-dir" if asked.secret else f"--input {asked.name}=VALUE"
