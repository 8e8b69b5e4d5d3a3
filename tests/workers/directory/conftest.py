from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.support.house import House
from workers.directory import people as _people  # noqa: F401 - registers its owners


@pytest.fixture
def house(engine: Engine, redis_url: str) -> Iterator[House]:
    made = House(engine, redis_url)
    yield made
    made.redis.close()
