from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from infra.storage.disk import DiskStore
from tests.support.house import House
from tests.support.studio import Studio


@pytest.fixture
def house(engine: Engine, redis_url: str) -> Iterator[House]:
    made = House(engine, redis_url)
    yield made
    made.redis.close()


@pytest.fixture
def studio(house: House, tmp_path: Path) -> Studio:
    return Studio(house, tmp_path, DiskStore(tmp_path / "objects", "http://test", b"secret"))
