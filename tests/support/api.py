"""The HTTP program over real owners and a real database, asked without a socket."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from limits.aio.storage import MemoryStorage

from handlers.app import assemble
from handlers.context import Context
from handlers.limits import RateLimit
from tests.support.lobby import Lobby
from workers.app import import_owners

import_owners()


class Api:
    """`call` it as `key`, the first tenant's, unless another credential is named."""

    def __init__(self, lobby: Lobby, http: httpx2.AsyncClient) -> None:
        self.lobby = lobby
        self.http = http
        self.bus = lobby.bus
        self.operator = lobby.context.secrets.operator_key
        self.key = ""
        self.tenant_id = ""

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        token: str | None = None,
        content: bytes | str | None = None,
        **headers: str,
    ) -> httpx2.Response:
        """A path without a leading `/api` is below `/api/v1`. Header names have `_` for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        elif key != "":
            sent["X-API-Key"] = self.key if key is None else key
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        return await self.http.request(
            method,
            path if "://" in path or path.startswith("/api/") else f"/api/v1{path}",
            json=body,
            content=content,
            headers=sent,
        )

    async def made(self, path: str, body: Any = None, **more: Any) -> Any:
        """POST what must succeed; what it answered."""
        answer = await self.call("POST", path, {} if body is None else body, **more)
        assert answer.status_code in (200, 201, 202), answer.text
        return answer.json()

    async def got(self, path: str, **more: Any) -> Any:
        answer = await self.call("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def tenant(self, **body: Any) -> tuple[str, str]:
        """Another tenant: its id and API key."""
        made = await self.made("/tenants", {"name": "School", **body}, key=self.operator)
        return made["id"], made["api_key"]

    async def room(self, name: str | None = None, **more: Any) -> str:
        body = {"name": name} if name else {}
        return str((await self.made("/rooms", body, **more))["id"])

    async def seat(self, room: str, name: str = "Ann", role: str = "participant") -> Any:
        """The join bundle of a new participant."""
        return await self.made(f"/rooms/{room}/participants", {"display_name": name, "role": role})


@asynccontextmanager
async def api(home: Path, database_url: str, **settings: Any) -> AsyncIterator[Api]:
    """An API with one tenant. Settings as `Settings` has them."""
    per_minute = settings.pop("rate_limit_per_minute", 0)
    lobby = Lobby(home, database_url, **settings)
    lobby.context = dataclasses.replace(lobby.context, limit=RateLimit(MemoryStorage(), per_minute))

    @asynccontextmanager
    async def parts() -> AsyncIterator[Context]:
        yield lobby.context

    program = assemble(parts)
    opened: AbstractAsyncContextManager[Any] = program.router.lifespan_context(program)
    transport = httpx2.ASGITransport(app=program, client=("192.0.2.7", 40000))
    async with (
        opened,
        httpx2.AsyncClient(transport=transport, base_url="http://parley.test") as http,
    ):
        made = Api(lobby, http)
        made.tenant_id, made.key = await made.tenant()
        yield made
    await lobby.context.reader.close()
    lobby.engine.dispose()
