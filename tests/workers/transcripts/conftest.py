from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.support.archive import Archive
from tests.support.house import House


@pytest.fixture
def house(engine: Engine, redis_url: str) -> Iterator[House]:
    made = House(engine, redis_url)
    yield made
    made.redis.close()


@pytest.fixture
def archive(house: House, tmp_path: Path) -> Archive:
    return Archive(house, tmp_path)
