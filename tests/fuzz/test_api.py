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
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from handlers.app import DIALECTS
from handlers.auth import May
from handlers.dialects.dialect import Dialect
from handlers.dialects.openapi import document
from infra.contract.refusals import Reason
from tests.support.api import Api
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
    """The program on a real port, in a loop of its own, with a tenant's things in it."""

    def __init__(self, home: Path, database_url: str) -> None:
        self._ready: Future[tuple[str, Api]] = Future()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(home, database_url))
        self._thread.start()
        address, self._api = self._ready.result(timeout=60)
        self.url = f"http://{address}"
        self.renew()

    def _run(self, home: Path, database_url: str) -> None:
        self._loop.run_until_complete(self._serve(home, database_url))

    async def _serve(self, home: Path, database_url: str) -> None:
        try:
            async with open_api(home, database_url) as api, api.lobby.served() as address:
                self._ready.set_result((address, api))
                await self._over.wait()
        except BaseException as broken:
            if not self._ready.done():
                self._ready.set_exception(broken)
            raise

    def renew(self) -> None:
        """Another tenant with all its things, and the credentials to ask after them."""
        made = asyncio.run_coroutine_threadsafe(self._another(), self._loop)
        self.world = world = made.result(timeout=60)
        self.changed = False
        HELD.update(
            chalk=world.key,
            # Who made the meeting and hosts it.
            kcs=world.tokens["host"],
            chroom=world.key,
            operator=self._api.operator,
            seat=world.tokens["guest_seat"],
        )

    async def _another(self) -> World:
        return await make_world(self._api, *await self._api.tenant())

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("fuzz")
    database = home / "parley.db"
    database.write_bytes(sqlite_template.read_bytes())
    program = Served(home / "home", f"sqlite:///{database}")
    yield program
    program.close()


@pytest.fixture
def served(program: Served) -> Served:
    """What one operation deletes is there again for the next."""
    if program.changed:
        program.renew()
    return program


HELD: dict[str, str] = {}
"What schemathesis asks with, by dialect; the operator's key, and the token of a seat."


def held(case: Any, name: str) -> str:
    may = case.operation.definition.raw.get("x-may")
    if case.path == "/ws":
        name = "seat"
    return HELD.get("operator" if may == May.OPERATE.value else name, "")


def schema_of(dialect: Dialect) -> Any:
    class Credential:
        """Sent unless what happens without one is tried."""

        def get(self, case: Any, context: Any) -> str:
            return held(case, dialect.name)

        def set(self, case: Any, data: str, context: Any) -> None:
            for name in ("X-API-Key", "Authorization"):
                case.headers.pop(name, None)
            case.headers["Authorization"] = f"Bearer {data}"

    schema = schemathesis.openapi.from_dict(document(dialect))
    schema.auth(refresh_interval=None)(Credential)
    # JSON Schema cannot say it of every string at once, and no database keeps one.
    schema.config.generation.update(allow_x00=False)
    return schema


SCHEMAS = {dialect.name: schema_of(dialect) for dialect in DIALECTS}
BY_NAME = {dialect.name: dialect for dialect in DIALECTS}
IN_QUERIES = {"meeting_id": "room_id"}
"Names queries have for what paths name."


def ask(case: Any, served: Served, name: str) -> None:
    """About things that are there as often as about things that are not."""
    dialect = BY_NAME[name]
    for where, given in (
        (ParameterLocation.PATH, case.path_parameters),
        (ParameterLocation.QUERY, case.query),
    ):
        # What is wrong on purpose stays wrong.
        made = case.meta.components.get(where) if case.meta else None
        if made is None or made.mode is GenerationMode.NEGATIVE:
            continue
        for parameter, value in list((given or {}).items()):
            thing = IN_QUERIES.get(parameter, parameter)
            if thing in served.world.ids and len(str(value)) % 2 == 0:
                given[parameter] = shown_as(dialect, thing, served.world.ids[thing])
    if "Authorization" in case.headers:
        # The document's examples are drawn before there is anybody to ask as.
        case.headers["Authorization"] = f"Bearer {held(case, name)}"
    served.changed = served.changed or case.method != "GET"
    response = case.call(base_url=served.url + dialect.prefix)
    beside_the_point = _beside_the_point(dialect, case, response)
    case.validate_response(response, excluded_checks=beside_the_point)


def _beside_the_point(dialect: Dialect, case: Any, response: Any) -> list[Any]:
    """A request may be valid and come at the wrong time, which some call 400, and 410 and 412
    are; to a socket it is no upgrade (426). What is large enough is refused unread."""
    if response.status_code == 413:
        return [negative_data_rejection, positive_data_acceptance]
    if response.status_code in (410, 412, 426):
        return [positive_data_acceptance]
    if case.media_type == "text/csv":
        # JSON Schema has no words for what a table must be like.
        return [positive_data_acceptance]
    if response.status_code == 400:
        said = response.json()
        # Chroom's `error` is the word for programs.
        code = said.get("code", said.get("error"))
        if code != dialect.says.code(Reason.MALFORMED):
            return [positive_data_acceptance]
    return []


@SCHEMAS["chalk"].parametrize()
@HOW
def test_chalk_keeps_to_its_document(case: Any, served: Served) -> None:
    ask(case, served, "chalk")


@SCHEMAS["kcs"].parametrize()
@HOW
def test_kcs_keeps_to_its_document(case: Any, served: Served) -> None:
    ask(case, served, "kcs")


@SCHEMAS["chroom"].parametrize()
@HOW
def test_chroom_keeps_to_its_document(case: Any, served: Served) -> None:
    ask(case, served, "chroom")
