from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select, update

from infra.contract.commands import Actor
from infra.contract.ids import CommandId, TenantId, new_id
from infra.contract.messages import Envelope
from infra.db import audit, jobs, outcomes
from infra.db.job_sweeps import JOBS
from infra.db.tables import CommandOutcome
from tests.support.house import House
from workers.outbox import sweeper
from workers.outbox.sweeper import JOBS_KEPT_S, forget_audit, forget_jobs, forget_outcomes
from workers.tools import Tools

OUTCOMES = CommandOutcome.metadata.tables["command_outcomes"]


@pytest.fixture
def house(engine: Engine, redis_url: str) -> Iterator[House]:
    made = House(engine, redis_url)
    yield made
    made.redis.close()


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer than there are: what is forgotten takes several units."""
    monkeypatch.setattr(sweeper, "FORGOTTEN_AT_ONCE", 2)


def left(house: House, forget: Callable[[Tools], None], table: str) -> int:
    forget(house.tools)
    rows = OUTCOMES.metadata.tables[table]
    with house.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(rows)).scalar_one()


def test_what_commands_came_to_is_forgotten_after_a_day(house: House) -> None:
    with house.begin() as work:
        for _ in range(5):
            asked = Envelope(command_id=CommandId(new_id()), kind="room.end", body={})
            outcomes.store(work.connection, asked, reply={}, now=work.now)

    house.now += outcomes.KEPT
    assert left(house, forget_outcomes, "command_outcomes") == 5
    house.wait(seconds=1)
    assert left(house, forget_outcomes, "command_outcomes") == 0


def test_who_was_given_what_is_forgotten_when_the_deployment_says_so(house: House) -> None:
    actor = Actor(kind="participant", id="p1", address="192.0.2.7")
    with house.begin() as work:
        for _ in range(5):
            audit.write(
                work.connection, TenantId(new_id()), "recording.downloaded", "r", actor, work.now
            )

    house.wait(days=house.tools.settings.audit_kept_days)
    assert left(house, forget_audit, "audit_log") == 5
    house.wait(seconds=1)
    assert left(house, forget_audit, "audit_log") == 0


def test_jobs_that_are_over_are_forgotten_in_time_and_no_others(house: House) -> None:
    states = ("done", "failed", "done", "queued", "running", "done")
    with house.begin() as work:
        for number, state in enumerate(states):
            queue = f"uploads.{number % 2}"
            job_id = jobs.enqueue(work, "upload", f"subject {number}", queue, {})
            work.connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(state=state))

    assert left(house, forget_jobs, "jobs") == 6
    # Jobs are kept by the database's clock.
    long_ago = datetime.now(UTC) - timedelta(seconds=JOBS_KEPT_S + 60)
    with house.begin() as work:
        work.connection.execute(update(JOBS).values(updated_at=long_ago))
    assert left(house, forget_jobs, "jobs") == 2
