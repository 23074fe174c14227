"""What a WSGI server saw: every request with its answer, and counts per client. `node/ledger.mjs` in Python: see there.

A server that knows better whose request it is says so in `environ["part.client"]`. Runs in a part's own virtual
environment: standard library only.
"""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote_plus

LIMIT = 20_000
Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class Server(Protocol):
    """What the ledger asks of the server it stands before."""

    def add(self, client: dict[str, Any]) -> None: ...
    def kill(self, client_id: str, refresh: bool) -> None: ...


class Ledger:
    """Stands before a WSGI application, counts, and answers the paths that begin with two underscores."""

    def __init__(self, application: Application, server: Server, *, token_path: str) -> None:
        self._application = application
        self._server = server
        self._token_path = token_path
        self._seen: list[dict[str, Any]] = []
        self._clients: dict[str, dict[str, Any]] = {}
        self._owners: dict[str, str] = {}
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ["PATH_INFO"].startswith("/__"):
            return self._admin(environ, sent, start_response)
        environ["wsgi.input"] = io.BytesIO(sent)
        started: list[Any] = []
        answered = b"".join(self._application(environ, lambda *words: started.append(words)))
        status, headers = started[-1][:2]
        client = self._record(environ, sent, int(status.split()[0]), answered)
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start_response(status, [*headers, ("Content-Length", str(len(answered)))])
        if environ["PATH_INFO"] == self._token_path and client:
            time.sleep(client.get("delay", 0))
            # Fewer bytes than promised: the server closes the connection in the middle of the answer.
            return [b""] if self._is_lost(client) else [answered]
        return [answered]

    def _is_lost(self, client: dict[str, Any]) -> bool:
        with self._lock:
            lost = bool(client["lose"] > 0)
            client["lose"] -= lost
            return lost

    def _record(self, environ: Environ, sent: bytes, status: int, answered: bytes) -> dict[str, Any] | None:
        path, answer = environ["PATH_INFO"], _parsed(answered)
        kind = "token" if path == self._token_path else "api" if "api" in path else "other"
        body = sent.decode("utf-8", "replace")
        with self._lock:
            who = self._owner if kind == "api" else self._client
            client_id = environ.get("part.client") or who(environ, body)
            if kind == "token" and "access_token" in answer:
                self._owners[answer["access_token"]] = client_id
            query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
            self._seen.append(
                {
                    "kind": kind, "client_id": client_id, "method": environ["REQUEST_METHOD"], "target": path + query,
                    "headers": _headers(environ), "body": body, "status": status, "error": answer.get("error"),
                }
            )  # fmt: skip
            del self._seen[:-LIMIT]
            return self._clients.get(client_id)

    def _client(self, environ: Environ, body: str) -> str:
        scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "basic":
            return parse_qs(body).get("client_id", [""])[0]
        try:
            raw = base64.b64decode(credentials).decode().split(":")[0]
        except ValueError:
            return ""
        return next((known for known in (raw, unquote_plus(raw)) if known in self._clients), "")

    def _owner(self, environ: Environ, body: str) -> str:
        _, _, header = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        query = parse_qs(environ.get("QUERY_STRING", "")).get("access_token", [""])[0]
        return self._owners.get(header or query or parse_qs(body).get("access_token", [""])[0], "")

    def _admin(self, environ: Environ, sent: bytes, start_response: Any) -> list[bytes]:
        wanted = parse_qs(environ.get("QUERY_STRING", "")).get("client_id", [None])[0]
        try:
            answer = self._asked(environ["REQUEST_METHOD"], environ["PATH_INFO"], wanted, _parsed(sent))
            status = "200 OK"
        except Exception as error:  # noqa: BLE001  # whatever goes wrong is the test's to see
            answer, status = {"error": f"{type(error).__name__}: {error}"}, "400 Bad Request"
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    def _asked(self, method: str, path: str, client_id: str | None, wanted: dict[str, Any]) -> Any:
        if path == "/__clients":
            self._server.add(wanted)
            with self._lock:
                self._clients[wanted["client_id"]] = {**wanted, "lose": 0}
                self._seen = [seen for seen in self._seen if seen["client_id"] != wanted["client_id"]]
            return wanted
        if path == "/__kill":
            self._server.kill(wanted["client_id"], wanted.get("refresh", False))
            return {}
        with self._lock:
            if path == "/__lose":
                self._clients[wanted["client_id"]]["lose"] = wanted["answers"]
                return {}
            mine = [seen for seen in self._seen if client_id in (None, seen["client_id"])]
            if method == "DELETE":
                self._seen = [seen for seen in self._seen if seen not in mine]
                return {}
            return mine if path == "/__requests" else _counted(mine)


def _counted(seen: list[dict[str, Any]]) -> Counter[str]:
    counts: Counter[str] = Counter(each["kind"] for each in seen)
    for each in seen:
        if each["kind"] == "token":
            counts["granted" if each["status"] == 200 else each["error"] or f"status_{each['status']}"] += 1
        if each["kind"] == "api":
            counts[f"api_{each['status']}"] += 1
    return counts


def _headers(environ: Environ) -> list[list[str]]:
    named = {key[5:]: value for key, value in environ.items() if key.startswith("HTTP_")}
    named |= {key: environ[key] for key in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(key)}
    return [[key.replace("_", "-").title(), value] for key, value in named.items()]


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
