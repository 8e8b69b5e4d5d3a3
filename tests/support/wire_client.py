"""A client of the socket, as a page has one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PATIENCE_S = 5.0


async def until(check: Callable[[], object]) -> None:
    """Wait for what the other side of a socket does in its own time."""
    async with asyncio.timeout(PATIENCE_S):
        while not check():  # noqa: ASYNC110 - nobody there could set an event
            await asyncio.sleep(0.01)


class Client:
    """Frames as dicts. `heard` keeps what came while something else was waited for."""

    def __init__(self, connection: ClientConnection, *, payload: bool = False) -> None:
        self.connection = connection
        self.heard: list[dict[str, Any]] = []
        self._event, self._data = ("type", "payload") if payload else ("event", "data")
        self._asked = 0

    async def send(self, event: str, data: dict[str, Any] | None = None, **beside: Any) -> None:
        frame = {self._event: event, self._data: data or {}, **beside}
        await self.connection.send(json.dumps(frame))

    async def ask(self, event: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send it with an id; the frame that answers."""
        self._asked += 1
        await self.send(event, data, id=self._asked)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await self._next()
                if frame.get("id") == self._asked:
                    return frame

    async def hear(self, event: str) -> Any:
        """The data of the next such event, also one that came before."""
        for at, frame in enumerate(self.heard):
            if frame[self._event] == event:
                return self.heard.pop(at)[self._data]
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await self._next()
                if frame[self._event] == event:
                    self.heard.pop()
                    return frame[self._data]

    async def closed(self) -> int:
        """The code the server closes with."""
        async with asyncio.timeout(PATIENCE_S):
            with suppress(ConnectionClosed):
                while True:
                    await self._next()
        assert self.connection.close_code is not None
        return self.connection.close_code

    async def _next(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await self.connection.recv())
        self.heard.append(frame)
        return frame


@asynccontextmanager
async def opened(
    address: str, token: str, *, payload: bool = False, **options: Any
) -> AsyncIterator[Client]:
    name = "chalk.payload" if payload else "chalk"
    offered = [Subprotocol(name), Subprotocol(f"token.{token}")]
    async with connect(
        f"ws://{address}/api/v1/ws", subprotocols=offered, proxy=None, max_queue=None, **options
    ) as connection:
        assert connection.subprotocol == name
        yield Client(connection, payload=payload)
