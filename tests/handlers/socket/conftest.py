"""A lobby whose socket answers on a real port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.contract.views import RoomView
from tests.support.lobby import Lobby


@pytest.fixture
def lobby(tmp_path: Path, sqlite_url: str) -> Lobby:
    return Lobby(tmp_path / "home", sqlite_url)


@pytest.fixture
async def address(lobby: Lobby) -> AsyncIterator[str]:
    async with lobby.served() as address:
        yield address


@pytest.fixture
async def room(lobby: Lobby) -> RoomView:
    tenant, _ = await lobby.tenant()
    return await lobby.room(tenant, "Algebra")
