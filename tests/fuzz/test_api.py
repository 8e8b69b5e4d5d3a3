"""Every operation of the three documents against what schemathesis can think of.

Twenty-five examples an operation here; `make fuzz-api` has two hundred.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from handlers.app import DIALECTS
from handlers.dialects.dialect import Dialect
from handlers.dialects.openapi import document
from infra.contract.refusals import Reason
from tests.support.api import api as open_api
from tests.support.world import World, make_world, shown_as

EXAMPLES = int(os.environ.get("PARLEY_FUZZ_EXAMPLES", "25"))
HOW = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="PARLEY_FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)


class Served:
    """The program on a real port, in a loop of its own, with one tenant's things in it."""

    def __init__(self, home: Path, database_url: str) -> None:
        self._ready: Future[tuple[str, World, str]] = Future()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(home, database_url))
        self._thread.start()
        address, self.world, self.operator_key = self._ready.result(timeout=60)
        self.url = f"http://{address}"
        Credential.key = self.world.key

    def _run(self, home: Path, database_url: str) -> None:
        self._loop.run_until_complete(self._serve(home, database_url))

    async def _serve(self, home: Path, database_url: str) -> None:
        try:
            async with open_api(home, database_url) as api, api.lobby.served() as address:
                world = await make_world(api, api.tenant_id, api.key)
                self._ready.set_result((address, world, api.operator))
                await self._over.wait()
        except BaseException as broken:
            if not self._ready.done():
                self._ready.set_exception(broken)
            raise

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("fuzz")
    database = home / "parley.db"
    database.write_bytes(sqlite_template.read_bytes())
    program = Served(home / "home", f"sqlite:///{database}")
    yield program
    program.close()


class Credential:
    """What schemathesis asks as, unless it tries what happens without."""

    key = ""

    def get(self, case: Any, context: Any) -> str:
        return self.key

    def set(self, case: Any, data: str, context: Any) -> None:
        for name in ("X-API-Key", "Authorization"):
            case.headers.pop(name, None)
        case.headers["Authorization"] = f"Bearer {data}"


def schema_of(dialect: Dialect) -> Any:
    schema = schemathesis.openapi.from_dict(document(dialect))
    schema.auth()(Credential)
    # JSON Schema cannot say it of every string at once, and no database keeps one.
    schema.config.generation.update(allow_x00=False)
    return schema


SCHEMAS = {dialect.name: schema_of(dialect) for dialect in DIALECTS}
BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


def ask(case: Any, served: Served, name: str) -> None:
    """About things that are there as often as about things that are not."""
    dialect, world = BY_NAME[name], served.world
    for parameter in list(case.path_parameters or {}):
        if parameter in world.ids and len(str(case.path_parameters[parameter])) % 2 == 0:
            case.path_parameters[parameter] = shown_as(dialect, parameter, world.ids[parameter])
    response = case.call(base_url=served.url + dialect.prefix)
    case.validate_response(response, excluded_checks=_beside_the_point(dialect, response))


def _beside_the_point(dialect: Dialect, response: Any) -> list[Any]:
    """A request may be valid and come at the wrong time, which Chalk also calls 400, and 412 is."""
    if response.status_code == 412:
        return [positive_data_acceptance]
    if response.status_code == 400 and response.json()["code"] != dialect.says.code(
        Reason.MALFORMED
    ):
        return [positive_data_acceptance]
    return []


@SCHEMAS["chalk"].parametrize()
@HOW
def test_chalk_keeps_to_its_document(case: Any, served: Served) -> None:
    ask(case, served, "chalk")
