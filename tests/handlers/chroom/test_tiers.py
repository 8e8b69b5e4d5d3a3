from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.handlers.chroom.conftest import Chroom
from tests.support.api import api as open_api


@pytest.fixture
async def limited(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Chroom]:
    """With limits in force; what else an account may ask for is no matter here."""
    async with open_api(tmp_path / "home", sqlite_url, rate_limit_per_minute=100_000) as made:
        yield Chroom(made)


async def test_the_standard_tier_has_a_hundred_requests_a_minute(limited: Chroom) -> None:
    answers = [await limited.call("GET", "/meetings?limit=1") for _ in range(101)]

    assert [answer.status_code for answer in answers] == [200] * 100 + [429]
    assert answers[0].headers["x-ratelimit-limit"] == "100"
    assert answers[100].json()["error"] == "RATE_LIMITED"
    assert 1 <= int(answers[100].headers["retry-after"]) <= 60


async def test_the_premium_tier_has_a_thousand(limited: Chroom) -> None:
    tenant = f"/tenants/{limited.api.tenant_id}"
    operator = limited.api.operator

    given = await limited.api.call("PATCH", tenant, {"rate_tier": "premium"}, key=operator)
    answer = await limited.call("GET", "/meetings")

    assert given.json()["config"]["rate_tier"] == "premium"
    assert answer.headers["x-ratelimit-limit"] == "1000"


async def test_an_account_may_be_made_premium(limited: Chroom) -> None:
    _, key = await limited.api.tenant(rate_tier="premium")

    answer = await limited.call("GET", "/meetings", token=key)

    assert answer.headers["x-ratelimit-limit"] == "1000"


async def test_nobody_raises_their_own_tier(limited: Chroom) -> None:
    tenant = f"/tenants/{limited.api.tenant_id}"

    own = await limited.api.call("PATCH", tenant, {"rate_tier": "premium"})
    config = await limited.api.call("PATCH", f"{tenant}/config", {"rate_tier": "premium"})
    none = await limited.api.call("PATCH", tenant, {"rate_tier": "gold"}, key=limited.api.operator)

    assert [own.status_code, config.status_code, none.status_code] == [403, 400, 400]
    assert (await limited.call("GET", "/meetings")).headers["x-ratelimit-limit"] == "100"
