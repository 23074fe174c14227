"""Whoever reads a store, listens to it or looks at its files after every kind of token, sign-in and end, finds no secret and no person."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from authweave.errors import CallbackRefused
from planted_lives import ATTENDED, REDIRECT, Provider, connection_for, lived, search_for
from services import engine, serving
from stores import key_file

__all__ = ["key_file"]

PASSWORD = "of-the-redis 7Kz0:b2@c/d?e#f%41-99"

def text_of(data):
    return data.decode("latin-1")


class Listening:
    """MONITOR, as somebody who may run it hears it."""

    def __init__(self, server):
        self._client = server.client(socket_timeout=None)
        self._heard, self._ready = [], threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def _listen(self):
        connection = self._client.connection_pool.get_connection()
        connection.send_command("MONITOR")
        connection.read_response(disable_decoding=True)
        self._ready.set()
        while True:
            line = connection.read_response(disable_decoding=True)
            if b"the end of it" in line:
                return
            self._heard.append(line)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_):
        return None

    def heard(self, server):
        with server.client() as client:
            client.echo("the end of it")
        self._thread.join(20)
        return b"\n".join(self._heard)


def test_nothing_secret_in_a_redis_whoever_listens(new_redis, key_file):
    """MONITOR, SLOWLOG, CLIENT LIST, ACL LOG, INFO, key names, DUMPs, the snapshot, the append-only file and the server's own log."""
    server = new_redis("--rdbcompression", "no", "--appendonly", "yes", "--aof-use-rdb-preamble", "no", "--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000", password=PASSWORD)
    with serving(Provider()) as provider, Listening(server) as listening:
        with engine(inputs={}, store=server.url, settings={"store_key": key_file}) as run:
            secrets = lived(run, provider)
            with server.client() as client:
                clients = repr(client.client_list())
        with server.client() as client:
            told = {
                "slowlog": repr(client.slowlog_get(100_000)), "acl log": repr(client.acl_log()), "info": repr(client.info("all")), "clients": clients,
                "keys": repr(list(client.scan_iter())), "dumps": "\n".join(text_of(client.dump(key) or b"") for key in client.scan_iter()), "latency": repr(client.execute_command("LATENCY", "LATEST")),
                "channels": repr(client.pubsub_channels()), "values": repr(server.values()),
            }  # fmt: skip
            client.save()
        told["monitor"] = text_of(listening.heard(server))
    told |= {str(path): text_of(path.read_bytes()) for path in Path(server.folder).rglob("*") if path.is_file()}

    assert len(secrets) >= 60
    assert {".rdb", ".aof"} <= {Path(name).suffix for name in told}
    assert all("authweave" in told[name] for name in ("monitor", "slowlog", "keys")), [name for name in told if "authweave" in told[name]]
    search_for(secrets, key_file, password=PASSWORD).refuse({name: text for name, text in told.items() if not name.endswith("pid")})


def test_what_strangers_begin_runs_out_by_itself(new_redis, key_file):
    """Sign-ins of many persons, answers with made-up states and refused tenants leave nothing without an end; answers alone leave nothing."""
    server = new_redis()
    with serving(Provider()) as provider, engine(inputs={}, store=server.url, settings={"store_key": key_file}) as run:
        for number in range(20):
            for kind in ATTENDED:
                how = {} if kind == "device" else {"redirect_uri": REDIRECT}
                begun = connection_for(run, provider.url, kind, subject=f"stranger {number}").begin_authorization(session=f"s{number}", **how).result(20)
                made_up = {"oauth_token": f"made-up-{number}", "oauth_verifier": "x"} if kind == "three legs" else {"state": begun.state[:-4] + "AAAA", "code": "x"}
                with pytest.raises(CallbackRefused):
                    run.complete_authorization({**made_up, "number": str(number)}).result(20)
        with server.client() as client:
            ends = {key: client.ttl(key) for key in client.scan_iter(count=1000)}

    rows = [key for key in ends if b":row" in key]
    endless = [key for key, seconds in ends.items() if seconds < 0]
    assert len(rows) == 20 * len(ATTENDED) + 1
    assert [rows.index(endless[0])] == [rows.index(key) for key in endless]  # the client that was registered, once for all of them
    assert max(ends.values()) <= 1200
    assert len(ends) <= 3 * len(rows)
