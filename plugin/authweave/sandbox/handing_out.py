"""What other processes need to use a running sandbox: files that only this user may read.

One variable is enough for authweave (AUTHWEAVE_CONFIG; one more each where the operator's own would overrule the store or
its key), one file a profile for curl. Values of inputs stand in these
files and are never printed.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from authweave.call import token_call
from authweave.errors import AuthweaveError
from authweave.values import TaskRequest

if TYPE_CHECKING:
    from authweave.sandbox.account import Account
    from authweave.sandbox.box import Sandbox

CONFIG: Final = "authweave.toml"
CA: Final = "ca.pem"
INPUTS: Final = "inputs"
STORE: Final = "tokens.db"
STORE_KEY: Final = "store.key"


def hand_out(
    sandbox: Sandbox, folder: Path, profiles: Sequence[Path] = (), env: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Write everything into the folder, and answer the variables to export. Who made the folder removes it.

    Settings that the file says (routes, authority, where inputs come from and tokens go to) hold for whoever exports the
    variables, so that no real credential is ever looked up for a sandbox, and no token of it stays in a real store.
    `profiles` are folders to look for profiles in; `env` is the environment of those who will export the variables.
    """
    kept = {"store": f"sqlite://{quote(str(folder / STORE))}", "store_key": str(folder / STORE_KEY)}
    _write(folder / CA, sandbox.ca_pem)
    _write(folder / STORE_KEY, base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
    _write(folder / CONFIG, _settings(sandbox, kept, profiles))
    (folder / INPUTS).mkdir(mode=0o700)
    for account in sandbox.accounts:
        for name, value in account.inputs.items():
            if value is not None:
                _write(folder / INPUTS / f"{account.profile.name}.{name}", _as_text(value))
        if (request := first_call(account)) is not None:
            _write(folder / f"{account.profile.name}.curl", "\n".join(_curl(request, sandbox, folder)) + "\n")
    overruled = {f"AUTHWEAVE_{name.upper()}": value for name, value in kept.items()}
    return {
        "AUTHWEAVE_CONFIG": str(folder / CONFIG),
        **{variable: value for variable, value in overruled.items() if (env or {}).get(variable)},
    }


def first_call(account: Account) -> TaskRequest | None:
    """The token request of the first variant that gets tokens; None for a profile without, or one that needs an answer first."""
    for variant in account.profile.variants:
        if variant.tokens is not None and not variant.tokens.dpop:  # a proof is good for one request only
            try:
                return token_call(account.settings(variant) or variant.tokens, account.scope(), None, variant.origin).draft().finish()
            except AuthweaveError:
                return None
    return None


def _settings(sandbox: Sandbox, kept: Mapping[str, str], profiles: Sequence[Path]) -> str:
    lines = [
        "# A running `authweave sandbox` wrote this. It is gone when the sandbox ends.",
        f"ca = {json.dumps(CA)}",
        'proxy = "none"',
        'sources = ["secrets_dir"]',
        f"secrets_dir = {json.dumps(INPUTS)}",
        *(f"{name} = {json.dumps(value)}" for name, value in kept.items()),
        *([f"profiles = {json.dumps([str(path.absolute()) for path in profiles])}"] if profiles else []),
        "",
        "[routes]",
        *(
            f"{json.dumps(_joined(host, port))} = {json.dumps(_joined(route.address, route.port))}"
            for (host, port), route in sandbox.routes.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _curl(request: TaskRequest, sandbox: Sandbox, folder: Path) -> Iterator[str]:
    """The options of a request, as a file for `curl --config`."""
    options: list[tuple[str, Any]] = [("url", request.url), ("request", request.method), ("cacert", str(folder / CA))]
    options += [
        ("connect-to", f"{_joined(host, port)}:{_joined(route.address, route.port)}")
        for (host, port), route in sandbox.routes.items()
    ]
    options += [("header", f"{name}: {value}") for name, value in request.headers]
    if request.body is not None:
        options.append(("data-raw", request.body.decode("utf-8", "replace")))
    yield "silent\nshow-error"
    for name, value in options:
        yield f"{name} = {_quoted(value)}"


def _quoted(text: str) -> str:
    escaped = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    )
    return f'"{escaped}"'


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else json.dumps(value)


def _write(path: Path, text: str) -> None:
    """A new file of mode 0600."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="") as file:
        file.write(text)


def environment(variables: Mapping[str, str]) -> str:
    """The lines to paste into another terminal."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
