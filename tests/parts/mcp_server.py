"""The MCP Python SDK's own server as a fixture: a protected resource whose tokens come from `oidc_provider`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from parts.catalogue import MCP, PARTS
from parts.not_run import need
from parts.oidc import OidcProvider
from parts.part import HERE
from parts.process import running


@pytest.fixture(scope="session")
def mcp_server(tmp_path_factory: pytest.TempPathFactory, oidc_provider: OidcProvider) -> Iterator[str]:
    """The URL of an MCP server (streamable HTTP, JSON answers, tool `add`): the resource of its tokens.

    Without a token it answers 401 with `resource_metadata`; its metadata (RFC 9728) name `oidc_provider`, which it asks about
    each token (RFC 7662). A token for another resource, or for none, is refused.
    """
    need(PARTS["mcp"])
    judge = oidc_provider.new_client(client_id="mcp-server", client_secret="secret-of-the-mcp-server")
    config = {
        "issuer": oidc_provider.origin, "introspection_url": oidc_provider.introspection_url,
        "client_id": judge.client_id, "client_secret": judge.client_secret,
    }  # fmt: skip
    with running([MCP.python, HERE / "mcp_app.py"], tmp_path_factory.mktemp("mcp"), config=config) as facts:
        yield facts["http"] + "/mcp"
