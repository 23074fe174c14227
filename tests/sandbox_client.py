"""A stranger's client for the sandbox: plain httpx, requests put together by hand, nothing of authweave but the loader."""

import base64
import ssl

import httpx

from authweave.loading import loads
from authweave.sandbox import Sandbox

TOKEN_URL = "https://idp.example.com/oauth/token"
API_URL = "https://api.example.com"

FRAME = "format: 1\nname: {name}\nidentity_provider: Example\n"
OAUTH = """servers: ['https://api.example.com']
auth: {{type: oauth2, grant_type: client_credentials, token_url: 'https://idp.example.com/oauth/token'{more}}}
"""


def profile(text, name="acme"):
    """A profile from its lines without the head."""
    return loads(FRAME.format(name=name) + text, f"{name}.yaml")


def oauth(more="", rest="", name="acme"):
    """The usual client-credentials profile, with more keys in `auth` and more lines after it."""
    return profile(OAUTH.format(more=f", {more}" if more else "") + rest, name)


def basic(client_id, client_secret):
    """A Basic header of exactly these characters."""
    return "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()


class Stranger:
    """Sends to the sandbox what it is told, believing its authority and nobody else."""

    def __init__(self, sandbox: Sandbox) -> None:
        context = ssl.create_default_context(cadata=sandbox.ca_pem)
        self._port = sandbox.port
        self._client = httpx.Client(verify=context, trust_env=False, timeout=10, limits=httpx.Limits(max_keepalive_connections=0))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._client.close()

    def send(self, method, url, *, host=None, **parts):
        """A request for a URL, over the loopback address; `host` overrides the Host field."""
        asked = httpx.URL(url)
        headers = [(name, value) for name, value in (parts.pop("headers", None) or {}).items()]
        there = asked.copy_with(host="127.0.0.1", port=self._port)
        return self._client.request(
            method, there, headers=[("Host", host or asked.netloc.decode()), *headers],
            extensions={"sni_hostname": asked.host}, **parts,
        )  # fmt: skip

    def token(self, data, *, url=TOKEN_URL, **parts):
        """A token request."""
        return self.send("POST", url, data=data, **parts)

    def get(self, path="/v1/me", **parts):
        """A request to the API."""
        return self.send("GET", API_URL + path, **parts)
