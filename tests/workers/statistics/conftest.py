from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.support.house import House
from workers.statistics import note, sweep  # noqa: F401 - registers their owners


@pytest.fixture
def house(engine: Engine, redis_url: str) -> Iterator[House]:
    made = House(engine, redis_url)
    yield made
    made.redis.close()
