from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from infra.contract.ids import JobId
from infra.db import job_sweeps, jobs
from infra.db.jobs import ClaimedJob, Draining, LeaseLost
from infra.db.tables import Job
from infra.db.work import Work, begin

_jobs = Job.__table__  # type: ignore[attr-defined]

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Shop:
    """Jobs of one kind, and what the database says of them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.rung: list[str] = []

    def _note(self, work: Work) -> None:
        self.rung += [entry.payload["job_id"] for entry in work.left if entry.topic == "bell"]

    def enqueue(self, subject: str = "a", **more: Any) -> JobId:
        with begin(self.engine, now=NOW) as work:
            job_id = jobs.enqueue(work, "upload", subject, "uploads.x", {"n": 1}, **more)
            self._note(work)
        return job_id

    def claim(self, job_id: JobId) -> ClaimedJob | None:
        return jobs.claim(self.engine, job_id)

    def claimed(self, job_id: JobId) -> ClaimedJob:
        job = self.claim(job_id)
        assert job is not None
        return job

    def finish(self, job: ClaimedJob) -> None:
        with begin(self.engine, now=NOW) as work:
            jobs.finish(work, job)
            self._note(work)

    def fail(self, job: ClaimedJob, error: str) -> str:
        with begin(self.engine, now=NOW) as work:
            return jobs.fail(work, job, error)

    def due(self) -> list[JobId]:
        with begin(self.engine, now=NOW) as work:
            queues = job_sweeps.queues_due(work.connection)
            return [job for queue in queues for job in job_sweeps.ring_lost(work, queue, limit=100)]

    def change(self, job_id: JobId, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(update(_jobs).where(_jobs.c.id == job_id).values(values))

    def let_lease_run_out(self, job_id: JobId) -> None:
        self.change(job_id, lease_until=LONG_AGO)

    def row(self, job_id: JobId) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(select(_jobs).where(_jobs.c.id == job_id)).one()


@pytest.fixture
def shop(engine: Engine) -> Shop:
    return Shop(engine)


def test_one_worker_gets_a_job_and_the_others_nothing(shop: Shop) -> None:
    job_id = shop.enqueue()

    assert shop.claimed(job_id).payload == {"n": 1}
    assert shop.claim(job_id) is None


def test_the_attempt_is_counted_before_the_work(shop: Shop) -> None:
    job_id = shop.enqueue()

    shop.claim(job_id)

    assert shop.row(job_id).attempt == 1


def test_a_job_whose_worker_died_goes_on_from_its_checkpoint(shop: Shop) -> None:
    job_id = shop.enqueue()
    shop.claimed(job_id).beat({"part": 7})
    shop.let_lease_run_out(job_id)

    taken = shop.claimed(job_id)

    assert (taken.attempt, taken.checkpoint) == (2, {"part": 7})


def test_a_worker_that_lost_its_job_changes_nothing_any_more(shop: Shop) -> None:
    job_id = shop.enqueue()
    zombie = shop.claimed(job_id)
    shop.let_lease_run_out(job_id)
    successor = shop.claimed(job_id)

    with pytest.raises(LeaseLost):
        zombie.beat({"part": 99})
    with pytest.raises(LeaseLost):
        shop.finish(zombie)
    assert shop.fail(zombie, "too late") == "lost"

    assert shop.row(job_id).state == "running"
    assert shop.row(job_id).checkpoint is None
    shop.finish(successor)
    assert shop.row(job_id).state == "done"


def test_what_a_zombie_writes_with_its_finish_is_rolled_back(shop: Shop) -> None:
    job_id = shop.enqueue()
    zombie = shop.claimed(job_id)
    shop.let_lease_run_out(job_id)
    shop.claim(job_id)

    with pytest.raises(LeaseLost), begin(shop.engine, now=NOW) as work:
        jobs.enqueue(work, "compose", "made by a zombie", "recordings", {})
        jobs.finish(work, zombie)

    with shop.engine.connect() as connection:
        assert connection.execute(select(_jobs.c.kind)).scalars().all() == ["upload"]


def test_beating_renews_the_lease(shop: Shop) -> None:
    job_id = shop.enqueue()
    job = shop.claimed(job_id)
    shop.let_lease_run_out(job_id)

    job.beat()

    assert shop.claim(job_id) is None


def test_beating_tells_a_stopping_workers_job_to_stop(shop: Shop) -> None:
    job = shop.claimed(shop.enqueue())
    job.draining.set()

    with pytest.raises(Draining):
        job.beat({"part": 3})

    assert shop.row(job.id).checkpoint == {"part": 3}


def test_a_job_given_back_has_not_been_tried(shop: Shop) -> None:
    job = shop.claimed(shop.enqueue())

    with begin(shop.engine, now=NOW) as work:
        jobs.release(work, job)
        rung = [entry.payload["job_id"] for entry in work.left]

    assert rung == [str(job.id)]
    assert shop.claimed(job.id).attempt == 1


def test_a_failed_attempt_is_tried_again_later_and_the_last_is_not(shop: Shop) -> None:
    job_id = shop.enqueue()

    for attempt in (1, 2):
        assert shop.fail(shop.claimed(job_id), f"attempt {attempt}") == "queued"
        assert shop.claim(job_id) is None
        assert shop.due() == []
        shop.change(job_id, available_at=LONG_AGO)
        assert shop.due() == [job_id]

    assert shop.fail(shop.claimed(job_id), "attempt 3") == "failed"
    assert (shop.row(job_id).state, shop.row(job_id).error) == ("failed", "attempt 3")


def test_a_subject_has_one_job_of_a_kind(shop: Shop) -> None:
    first = shop.enqueue("a")

    assert shop.enqueue("a") == first
    assert shop.enqueue("b") != first


def test_enqueuing_a_job_that_ended_starts_it_over(shop: Shop) -> None:
    job_id = shop.enqueue()
    shop.finish(shop.claimed(job_id))

    shop.enqueue()

    assert shop.claimed(job_id).attempt == 1
    assert shop.rung == [str(job_id)] * 2


def test_what_is_enqueued_during_the_work_is_done_after_it(shop: Shop) -> None:
    job_id = shop.enqueue()
    job = shop.claimed(job_id)
    shop.enqueue()

    shop.finish(job)

    assert shop.rung[-1] == str(job_id)
    assert shop.claimed(job_id).attempt == 1


def test_a_job_for_later_is_neither_claimed_nor_rung_before(shop: Shop) -> None:
    job_id = shop.enqueue(available_at=datetime.now(UTC) + timedelta(hours=1))

    assert shop.rung == []
    assert shop.claim(job_id) is None
    assert shop.due() == []


def test_a_bell_nobody_heard_is_rung_again_once(shop: Shop) -> None:
    job_id = shop.enqueue()
    assert shop.due() == []

    shop.change(job_id, rung_at=datetime.now(UTC) - timedelta(seconds=11))

    assert shop.due() == [job_id]
    assert shop.due() == []


def test_the_job_of_a_dead_worker_is_rung(shop: Shop) -> None:
    job_id = shop.enqueue()
    shop.claim(job_id)
    assert shop.due() == []

    shop.let_lease_run_out(job_id)

    assert shop.due() == [job_id]


def test_a_job_that_kills_every_worker_is_set_aside(shop: Shop) -> None:
    job_id = shop.enqueue()
    for _ in range(jobs.MAX_ATTEMPT):
        assert shop.claim(job_id) is not None
        shop.let_lease_run_out(job_id)

    assert shop.claim(job_id) is None
    assert shop.due() == []
    with begin(shop.engine, now=NOW) as work:
        assert job_sweeps.lost_for_good(work.connection) == [job_id]
        aside = job_sweeps.set_aside(work, job_id)

    assert aside is not None
    assert aside.error.startswith("poison")
    assert shop.row(job_id).state == "failed"


def test_a_job_that_raised_before_its_worker_died_says_both(shop: Shop) -> None:
    job_id = shop.enqueue(max_attempt=2)
    shop.fail(shop.claimed(job_id), "no space left")
    shop.change(job_id, available_at=LONG_AGO)
    shop.claim(job_id)
    shop.let_lease_run_out(job_id)

    with begin(shop.engine, now=NOW) as work:
        aside = job_sweeps.set_aside(work, job_id)

    assert aside is not None
    assert aside.error == "worker lost; before that: no space left"
