"""Run with the Python of an environment that has the wheel and nothing else: everything that ships is there and works.

    python wheel_check.py               the commands, each extra's absence, the entry points
    python wheel_check.py --read-only   as a user who may write nowhere: neither into site-packages nor at home

Standard library only, beside the package itself.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib.metadata import distribution, distributions
from pathlib import Path

import authweave
from authweave import Engine
from authweave.resources import profiles_folder, schema_file

COMMAND = Path(sys.executable).with_name("authweave")
EXTRAS = ("redis", "keyring", "opentelemetry", "pyspnego", "httpx2", "requests", "aiohttp", "grpcio", "llm", "kedro", "httpie", "apache-airflow")
PROFILE = """\
format: 1
name: acme
version: 1.0.0
identity_provider: Acme
servers: ['{api}']
auth: {{type: {type}}}
test: {{request: {{url: /v1/me}}}}
"""


def main(arguments: list[str]) -> None:
    """Everything, or what a user who may write nowhere needs."""
    assert "site-packages" in authweave.__file__, authweave.__file__
    with tempfile.TemporaryDirectory() as made, answering() as api:
        os.chmod(made, 0o755)
        folder = Path(made)
        check = Check(folder, api)
        if "--read-only" in arguments:
            check.nothing_can_be_written()
        else:
            check.everything_is_there()
            check.every_command_runs()
        check.first_capability()
        check.extras_that_are_absent()


class Check:
    """The checks, with a folder of profiles and an API that takes `k3y`."""

    def __init__(self, folder: Path, api: str) -> None:
        self.folder = folder
        self.api = api
        for name, type in (("acme", "api_key"), ("windows", "negotiate")):
            (folder / f"{name}.yaml").write_text(PROFILE.format(api=api, type=type).replace("name: acme", f"name: {name}"))

    def run(self, *arguments: str, code: int = 0, says: str = "", **environment: str) -> str:
        """The command ends with this code, and says this."""
        given = {"AUTHWEAVE_PROFILES": str(self.folder), "AUTHWEAVE_ACME_API_KEY": "k3y", **environment}
        ended = subprocess.run(
            [str(COMMAND), *arguments], env={**os.environ, **given}, cwd=self.folder, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        said = ended.stdout + ended.stderr
        assert (ended.returncode, says in said) == (code, True), f"authweave {' '.join(arguments)} ended with {ended.returncode} (not {code}, {says!r}):\n{said}"
        print(f"authweave {' '.join(arguments[:1])}: fine{' (' + says + ')' if code else ''}")
        return said

    def everything_is_there(self) -> None:
        """Types, schemas, every shipped profile, the licence; no tests, and no package of an extra."""
        assert (Path(authweave.__file__).parent / "py.typed").is_file()
        engine = Engine()
        names = engine.names()
        assert names, "no profiles in the wheel"
        print(", ".join(engine.profile(name).reference for name in names))
        for schema in ("auth-profile", "test-report", "test-reports", "test-matrix", "test-cassette"):
            assert schema_file(schema).is_file(), schema
        own = distribution("authweave")
        shipped = [str(file) for file in own.files or ()]
        assert any(file.endswith("licenses/LICENSE") for file in shipped)
        assert {file.partition("/")[0] for file in shipped if not file.startswith("..")} == {"authweave", f"authweave-{own.version}.dist-info"}
        found = {each.metadata["Name"].lower() for each in distributions()}
        assert not found & set(EXTRAS), found & set(EXTRAS)
        platforms = {entry.module for entry in own.entry_points if entry.module.startswith("authweave.hosts")}
        lonely = f"import sys, authweave, authweave.engine; print(sorted(set(sys.modules) & {platforms!r}))"
        loaded = subprocess.run([sys.executable, "-c", lonely], check=True, capture_output=True, text=True)
        assert loaded.stdout.strip() == "[]", loaded.stdout

    def every_command_runs(self) -> None:
        """From outside the checkout."""
        for arguments in (
            ["--version"], ["list"], ["validate", str(profiles_folder())], ["demo"], ["test", "nuance-mix-runtime", "--sandbox", "--format", "html"],
            ["plugins"], ["schema"], ["show", "acme"], ["status"],
        ):  # fmt: skip
            self.run(*arguments)
        subprocess.run([sys.executable, "-m", "authweave", "--version"], check=True, stdout=subprocess.DEVNULL)

    def nothing_can_be_written(self) -> None:
        """This user really may not; and the sandbox teaches all the same."""
        for place in (Path(authweave.__file__).parent, Path(authweave.__file__).parent.parent, Path.home()):
            try:
                (place / "written").touch()
            except OSError:
                continue
            raise AssertionError(f"{place} can be written to, so this check shows nothing")
        self.run("list")
        self.run("test", "nuance-mix-runtime", "--sandbox")
        self.run("request", "-p", "acme", f"{self.api}/v1/me", says="tokens are kept in memory and end with this command")
        self.run("request", "-p", "acme", f"{self.api}/v1/me", code=2, says="Permission denied", AUTHWEAVE_STORE=f"sqlite://{Path.home()}/tokens.db")

    def first_capability(self) -> None:
        """Validate, preview, test and send, at an API that checks."""
        self.run("validate", str(self.folder))
        self.run("preview", "acme", "--url", "/v1/me", says="X-API-Key")
        self.run("test", "acme", says="200")
        self.run("request", "-p", "acme", f"{self.api}/v1/me", says="welcome", AUTHWEAVE_STORE="memory:")
        with Engine(self.folder, inputs={"api_key": "k3y"}) as engine, engine.connect("acme").client(trust_env=False) as client:
            assert client.get("/v1/me").text == "welcome"

    def extras_that_are_absent(self) -> None:
        """Where one is needed, the message names it."""
        url = f"{self.api}/v1/me"
        self.run("request", "-p", "acme", url, code=2, says="authweave[redis]", AUTHWEAVE_STORE="redis://127.0.0.1:1/0")
        self.run("request", "-p", "acme", url, code=2, says="authweave[opentelemetry]", AUTHWEAVE_OBSERVERS="opentelemetry")
        self.run("request", "-p", "windows", url, code=2, says="authweave[kerberos]")
        for host in ("aiohttp", "grpc", "requests"):
            lonely = subprocess.run([sys.executable, "-c", f"import authweave.hosts.{host}"], capture_output=True, text=True, check=False)
            assert f"authweave[{host}]" in lonely.stderr, lonely.stderr
            print(f"authweave.hosts.{host}: fine (authweave[{host}])")


@contextlib.contextmanager
def answering() -> Iterator[str]:
    """An API that takes `k3y` and nothing else."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = self.headers.get("X-API-Key") == "k3y"
            body = b"welcome" if is_known else b"no"
            self.send_response(200 if is_known else 401)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    main(sys.argv[1:])
