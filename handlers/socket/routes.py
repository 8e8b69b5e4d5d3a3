"""The socket's routes."""

from __future__ import annotations

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from handlers.context import context
from handlers.dialects.chalk.refusals import CHALK_SAYS
from handlers.socket.admission import admit, subprotocol
from handlers.socket.session import Session
from infra.contract.ids import ConnectionId, new_id
from infra.contract.refusals import Refused

PATHS = ("/api/v1/ws", "/ws")


async def open_socket(socket: WebSocket) -> None:
    """Let the seat's owner in, or answer the upgrade with the reason not to."""
    here = context(socket)
    try:
        guest = await admit(here, socket)
        session = Session(here, socket, guest, ConnectionId(new_id()))
        entered = await session.enter()
    except Refused as refused:
        await socket.send_denial_response(CHALK_SAYS.answer(socket, refused.refusal))
        return
    await socket.accept(subprotocol=subprotocol(socket, guest))
    await session.run(entered)


class Upgrade(HTTPEndpoint):
    """Plain HTTP where a socket would be opened. Other methods than GET are refused."""

    async def get(self, request: Request) -> Response:
        """Hears what the upgrade would have, and that one is needed (RFC 9110, 15.5.22)."""
        try:
            await admit(context(request), request)
        except Refused as refused:
            return CHALK_SAYS.answer(request, refused.refusal)
        return Response(status_code=426, headers={"Upgrade": "websocket", "Connection": "Upgrade"})


routes: list[BaseRoute] = [
    *(WebSocketRoute(path, open_socket) for path in PATHS),
    *(Route(path, Upgrade) for path in PATHS),
]
