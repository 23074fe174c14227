"""A server that speaks HTTP/2 alone (ALPN h2), for tests: one answer for every request, over as many streams as are wanted."""

from __future__ import annotations

import h2.config
import h2.connection
import h2.events

from sockets import Behaviour, Peer


def h2_says(status: int, *headers: tuple[str, str], body: bytes = b"") -> Behaviour:
    """The same answer to everything."""

    def behave(peer: Peer) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        peer.send(connection.data_to_send())
        while data := peer.socket.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    connection.send_headers(event.stream_id, [(":status", str(status)), *headers], end_stream=not body)
                    if body:
                        connection.send_data(event.stream_id, body, end_stream=True)
            peer.send(connection.data_to_send())

    return behave
