"""A house whose socket answers on a real port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handlers.socket.routes import routes
from infra.contract.views import RoomView
from tests.support.house import House


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> House:
    return House(tmp_path / "home", sqlite_url)


@pytest.fixture
async def address(house: House) -> AsyncIterator[str]:
    async with house.served(routes) as address:
        yield address


@pytest.fixture
async def room(house: House) -> RoomView:
    tenant, _ = await house.tenant()
    return await house.room(tenant, "Algebra")
