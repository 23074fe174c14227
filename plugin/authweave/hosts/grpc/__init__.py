"""gRPC channels with the credential of a profile, for sync and asyncio stubs: `pip install 'authweave[grpc]'`.

    channel = secure_channel("asr.api.nuance.com", "nuance-mix-runtime")     # or aio_secure_channel
    stub = RecognizerStub(channel)

Every call asks the profile for its credential, so that a channel outlives any number of tokens.
"""

from __future__ import annotations

try:
    import grpc  # noqa: F401 - or the first of the files below would say less
except ImportError:
    raise ImportError("authweave.hosts.grpc needs grpcio: pip install 'authweave[grpc]'") from None

from authweave.hosts.grpc.asynchronous import aio_interceptors
from authweave.hosts.grpc.blocking import interceptors
from authweave.hosts.grpc.channels import aio_secure_channel, secure_channel
from authweave.hosts.grpc.credentials import call_credentials
from authweave.hosts.grpc.notes import Note, note_of

__all__ = ["Note", "aio_interceptors", "aio_secure_channel", "call_credentials", "interceptors", "note_of", "secure_channel"]
