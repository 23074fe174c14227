"""Run with the Python of an environment that has only the wheel: everything that ships is there and works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import authweave
from authweave import Engine
from authweave.resources import profiles_folder, schema_file


def main() -> None:
    """Load every shipped profile, find the schemas, and run the command from outside the checkout."""
    assert "site-packages" in authweave.__file__, authweave.__file__
    assert (Path(authweave.__file__).parent / "py.typed").is_file()
    engine = Engine()
    names = engine.names()
    assert names, "no profiles in the wheel"
    for name in names:
        profile = engine.profile(name)
        print(f"{profile.reference}: {profile.identity_provider}")
    for schema in ("auth-profile", "test-report", "test-reports", "test-matrix", "test-cassette"):
        assert schema_file(schema).is_file(), schema
    command = Path(sys.executable).with_name("authweave")
    page = ["test", "nuance-mix-runtime", "--sandbox", "--format", "html"]
    for arguments in (["--version"], ["list"], ["validate", str(profiles_folder())], ["demo"], page):
        subprocess.run([str(command), *arguments], check=True, stdout=subprocess.DEVNULL)
        print(f"authweave {' '.join(arguments[:1])}: fine")


if __name__ == "__main__":
    main()
