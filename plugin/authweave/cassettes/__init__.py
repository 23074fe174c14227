"""Test auth on record: what servers answered, scrubbed, and the verdict that it led to; replayed without network and without secrets."""

from authweave.cassettes.cassette import Cassette
from authweave.cassettes.places import cassette_path, cassettes_of, read, write
from authweave.cassettes.recording import Tape
from authweave.cassettes.replaying import replay

__all__ = ["Cassette", "Tape", "cassette_path", "cassettes_of", "read", "replay", "write"]
