"""The kit over HTTP against handlers and owners in this process."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from pathlib import Path

import httpx2
import pytest
from limits.aio.storage import MemoryStorage

from handlers.limits import RateLimit
from tests.conformance.dialects import DIALECTS
from tests.conformance.kit import Dialect, Example, Shown, play
from tests.conformance.prepared import PreparedStage
from tests.support.lobby import Lobby
from workers.app import import_owners

import_owners()

MANY = 100_000
"Requests a minute of one tenant: the dialects' own limits are what is met."
ENDPOINTS = {"chalk": 33, "kcs": 20, "chroom": 1}
"As many as their references have."


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> list[Shown]:
    home = tmp_path_factory.mktemp("conformance")
    shutil.copy(sqlite_template, home / "parley.db")
    return asyncio.run(_play(home))


async def _play(home: Path) -> list[Shown]:
    lobby = Lobby(home, f"sqlite:///{home / 'parley.db'}")
    lobby.context = dataclasses.replace(lobby.context, limit=RateLimit(MemoryStorage(), MANY))
    async with (
        lobby.served() as address,
        httpx2.AsyncClient(base_url=f"http://{address}", trust_env=False) as http,
    ):
        stage = PreparedStage(http, lobby)
        return await play(http, stage, DIALECTS, lobby.context.secrets.operator_key)


@pytest.mark.parametrize(
    ("dialect", "endpoint"),
    [
        pytest.param(dialect.name, endpoint, id=f"{dialect.name} {endpoint}")
        for dialect in DIALECTS
        for endpoint in dialect.endpoints
    ],
)
def test_an_endpoint_answers_as_documented(shown: list[Shown], dialect: str, endpoint: str) -> None:
    examples = [each for each in shown if (each.dialect, each.endpoint) == (dialect, endpoint)]

    assert examples
    assert not [f"{each.shows}: {'; '.join(each.wrong)}" for each in examples if not each.ok]


def test_all_else_the_stories_show_goes_well(shown: list[Shown]) -> None:
    documented = {(each.name, endpoint) for each in DIALECTS for endpoint in each.endpoints}
    rest = [each for each in shown if (each.dialect, each.endpoint) not in documented]

    assert not [f"{each.endpoint}, {each.shows}: {each.wrong}" for each in rest if not each.ok]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
def test_every_documented_endpoint_has_an_example_that_succeeds(dialect: Dialect) -> None:
    succeeds = {
        step.endpoint
        for step in dialect.story
        if not isinstance(step, Example) or step.status < 300
    }

    assert len(dialect.endpoints) == len(set(dialect.endpoints)) == ENDPOINTS[dialect.name]
    assert set(dialect.endpoints) <= succeeds
    for step in dialect.story:
        if isinstance(step, Example) and not step.extension:
            assert step.endpoint in dialect.endpoints
