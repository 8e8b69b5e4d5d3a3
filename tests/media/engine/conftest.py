"""Engines for tests, stopped afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.media.engine.stage import Stage


@pytest.fixture(params=[True, False], ids=["batched", "single calls"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """With the system's batch calls, and as where there are none."""
    with Stage(batched=request.param) as made:
        yield made
        assert made.engine.stats.failures == 0 or made.control.fails
