from __future__ import annotations

import os
import time

import pytest

from infra.bus.keys import uploads
from infra.contract.refusals import Reason, refuse
from infra.storage.port import StoreUnavailable
from tests.support.api import Api


@pytest.fixture
def well(api: Api) -> Api:
    """A deployment all of whose parts answer."""
    pod = api.bus.reports[api.bus.pod()]
    queues = ("commands", "recordings", "transcripts", "webhooks", uploads(pod.spool_id))
    api.bus.consumed = {queue: [100 + n] for n, queue in enumerate(queues)}
    return api


async def test_all_is_well_only_when_every_part_answers(well: Api) -> None:
    answer = await well.http.get("/healthz")

    said = answer.json()
    assert (answer.status_code, said["status"]) == (200, "ok")
    assert {name: part["status"] for name, part in said["parts"].items()} == dict.fromkeys(
        ("database", "redis", "storage", "workers", "media"), "ok"
    )
    assert said["media"] == {"pids": [1], "engine": "reference"}
    assert said["api"] == {"pid": os.getpid()}
    assert said["parts"]["workers"]["queues"]["commands"] == [100]


async def test_health_is_told_under_the_api_too(well: Api) -> None:
    assert (await well.call("GET", "/health", key="")).status_code == 200


@pytest.mark.parametrize("queue", ["commands", "recordings", "transcripts", "uploads", "webhooks"])
async def test_a_queue_nobody_consumes_is_named(well: Api, queue: str) -> None:
    (gone,) = [name for name in well.bus.consumed if name.startswith(queue)]
    del well.bus.consumed[gone]

    answer = await well.http.get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["parts"]["workers"] == {
        "status": "failed",
        "detail": f"no worker for {gone}",
    }


async def test_no_pod_no_health(well: Api) -> None:
    well.bus.reports.clear()

    parts = (await well.http.get("/healthz")).json()["parts"]

    assert parts["media"] == {"status": "failed", "detail": "no media pod has reported"}
    assert parts["database"]["status"] == "ok"


async def test_a_bus_that_is_away_is_named(well: Api) -> None:
    well.bus.down = True

    answer = await well.http.get("/healthz")

    failed = {name for name, part in answer.json()["parts"].items() if part["status"] == "failed"}
    assert failed == {"redis", "workers", "media"}
    assert answer.json()["media"] == {"pids": [], "engine": None}


async def test_a_store_that_is_away_is_named(well: Api) -> None:
    def away() -> None:
        raise StoreUnavailable("no route")

    well.lobby.context.store.check = away  # type: ignore[method-assign]

    part = (await well.http.get("/healthz")).json()["parts"]["storage"]

    assert part == {"status": "failed", "detail": "no route"}


async def test_a_database_nobody_migrated_is_not_well(well: Api) -> None:
    with well.lobby.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("ALTER TABLE tenants RENAME TO something")

    answer = await well.http.get("/healthz")

    assert answer.status_code == 503
    assert "parley migrate" in answer.json()["parts"]["database"]["detail"]


async def test_a_part_that_hangs_does_not_hold_up_the_answer(well: Api) -> None:
    well.lobby.context.store.check = lambda: time.sleep(2.4)  # type: ignore[method-assign]

    answer = await well.http.get("/healthz")

    assert answer.json()["parts"]["storage"]["detail"] == "no answer within 2 s"


async def test_a_process_lives_whatever_the_others_do(well: Api) -> None:
    well.bus.down = True

    assert (await well.http.get("/livez")).json() == {"status": "ok"}


async def test_an_outage_of_the_bus_is_told_with_its_reason(well: Api) -> None:
    async def slow() -> None:
        raise refuse(Reason.UNAVAILABLE, "the message bus does not answer")

    well.bus.ping = slow  # type: ignore[method-assign]

    part = (await well.http.get("/healthz")).json()["parts"]["redis"]

    assert part["detail"] == "the message bus does not answer"
