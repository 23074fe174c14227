"""Whoever reads the files of SQLite after every kind of token, sign-in and end, finds no secret and no person."""

from __future__ import annotations

from leaking import files_under
from planted_lives import Provider, lived, search_for
from services import engine, serving
from stores import key_file, sqlite_urls

__all__ = ["key_file"]


def test_nothing_secret_in_the_files_of_sqlite(tmp_path, key_file):
    """Database, write-ahead log, shared memory, and the pages that were freed when everything was removed."""
    url = sqlite_urls(tmp_path / "stores")()
    with serving(Provider()) as provider, engine(inputs={}, store=url, settings={"store_key": key_file}) as run:
        secrets = lived(run, provider)
        used = dict(files_under(tmp_path / "stores"))
        kept = [digest for digest, _ in run.ledger.entries()]
        for digest in kept:
            run.ledger.remove(digest)
        removed = dict(files_under(tmp_path / "stores"))
    after = dict(files_under(tmp_path))

    assert len(secrets) >= 60
    assert len(kept) >= 7
    assert {"registration_access_token", "device_code", "proof", "session cookie", "temporary secret", "code_verifier"} <= {name.rpartition(" ")[0] for name in secrets}
    search = search_for(secrets, key_file)
    search.refuse({name: text for files in (used, removed, after) for name, text in files.items() if not name.endswith("store.key")})


def test_the_same_search_finds_them_in_plain_text(tmp_path, key_file):
    """Where an operator chose plain text, there they are: what is searched for would be found."""
    url = sqlite_urls(tmp_path / "stores")()
    with serving(Provider()) as provider, engine(inputs={}, store=url, settings={"store_key": "plaintext"}) as run:
        secrets = lived(run, provider)
        files = "\n".join(text for _, text in files_under(tmp_path / "stores"))

    names = {name.rpartition(" ")[0] for name, _ in search_for(secrets, key_file).found(files)}
    assert {"refresh_token", "registration_access_token", "device_code", "code_verifier", "proof_key of", "temporary secret"} <= names
