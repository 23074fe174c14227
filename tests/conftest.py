"""What every test may ask for: the foreign parts, the vectors, and an honest end of the run.

`parts/__init__.py` lists the fixtures, `parts/not_run.py` explains the table at the end, `parts/tiers.py` what is run.
"""

import signal

from hypothesis import settings

import httpx2_instead  # noqa: F401  # before anything imports httpx

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job that a shell put into the background: its children would not hear of Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("suite", derandomize=True, deadline=None)  # the same examples each time; to look further: --hypothesis-profile=default
settings.load_profile("suite")

collect_ignore = ["example_plugin"]  # a package of its own: real/test_example_plugin.py installs it, and runs its tests

pytest_plugins = (
    "authorities",
    "homes",
    "keeping",
    "parts.not_run",
    "parts.parallel",
    "parts.tiers",
    "parts.vectors",
    "parts.certificates",
    "parts.installed",
    "parts.oidc",
    "parts.django_provider",
    "parts.raw_basic",
    "parts.odd",
    "parts.nginx",
    "parts.httpbin",
    "parts.apache",
    "parts.kerberos",
    "parts.oauth1",
    "parts.httpie",
    "parts.kedro",
    "parts.mcp_server",
    "parts.datasette",
    "parts.airflow",
    "parts.llm",
    "parts.moto",
    "parts.verifiers",
    "parts.azurite",
    "parts.har_schema",
    "parts.redis",
    "parts.celery",
    "parts.tinyproxy",
    "parts.http2",
    "parts.yaml_language_server",
    "parts.chromium",
)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Keys are made anew in each process: their tests are named by what they are, so that every worker collects the same."""
    is_pem = (isinstance(val, str) and "-----BEGIN" in val) or (isinstance(val, bytes) and b"-----BEGIN" in val)
    return argname if is_pem else None
