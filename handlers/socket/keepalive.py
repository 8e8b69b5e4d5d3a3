"""The WebSocket protocol the server runs: uvicorn's, and what that keeps to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import WebSocketDisconnectEvent

PING_INTERVAL_S = 5.0
PONG_TIMEOUT_S = 14.0
"Nearly three pings' worth. A peer is given up, and has left, within 20 s of its last sign."
GIVEN_UP: WebSocketDisconnectEvent = {
    "type": "websocket.disconnect",
    "code": 1006,
    "reason": "keepalive ping timeout",
}
"How a session hears that its peer answers no ping. No peer can send 1006 (RFC 6455, 7.4.1)."


class KeepaliveProtocol(WebSocketsSansIOProtocol):
    """Tells the session why it ended, and frees the connection of a peer that stopped reading.

    uvicorn reports an unanswered ping exactly as a lost connection, and waits for the peer to take
    what is still buffered for it. The first may come back within seconds; the second is gone.
    """

    def keepalive_timeout(self) -> None:
        if not (self.close_sent or self.transport.is_closing()):
            self.queue.put_nowait(GIVEN_UP)
        super().keepalive_timeout()
        self.transport.abort()
