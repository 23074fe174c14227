"""An MCP server of the official SDK: a protected resource (RFC 9728) that asks an authorization server about each token (RFC 7662).

Runs in the part's own virtual environment. The SDK answers without a token, publishes the metadata, and refuses tokens that
are for another resource (RFC 8707); who issued a token, and for what, the authorization server says.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import httpx2
import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer

CONFIG = json.loads(os.environ["PART_CONFIG"])


class Introspecting:
    """Asks the authorization server."""

    async def verify_token(self, token: str) -> AccessToken | None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.post(CONFIG["introspection_url"], data={"token": token}, auth=(CONFIG["client_id"], CONFIG["client_secret"]))
        said = answer.json()
        if not said.get("active"):
            return None
        return AccessToken(token=token, client_id=said["client_id"], scopes=said.get("scope", "").split(), expires_at=said.get("exp"), resource=said.get("aud"))


listener = socket.create_server(("127.0.0.1", 0), backlog=128)
origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
server = MCPServer(
    "parts", token_verifier=Introspecting(),
    auth=AuthSettings(issuer_url=CONFIG["issuer"], resource_server_url=f"{origin}/mcp", validate_token_resource=True),
)  # fmt: skip


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


ready = Path(os.environ["PART_READY"])
ready.with_suffix(".new").write_text(json.dumps({"http": origin}))
ready.with_suffix(".new").replace(ready)
config = uvicorn.Config(server.streamable_http_app(stateless_http=True, json_response=True), log_level="warning")
sys.exit(uvicorn.Server(config).run(sockets=[listener]))
