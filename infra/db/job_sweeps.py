"""What is looked for among all jobs: those nobody seems to do, and those that are over."""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    literal,
    or_,
    select,
    update,
)

from infra.contract.ids import JobId
from infra.db.clock import from_now
from infra.db.jobs import SetAside
from infra.db.tables import Job
from infra.db.work import Work

RING_AGAIN_AFTER_S = 10.0
"Seconds a bell may go unanswered before it counts as lost."

JOBS = Job.metadata.tables["jobs"]
OVER = ("done", "failed")


def queues_due(connection: Connection) -> list[str]:
    """Queues with jobs that somebody should be doing and nobody seems to have heard of."""
    query = select(JOBS.c.queue).distinct().where(_unheard(connection))
    return sorted(connection.execute(query).scalars())


def ring_lost(work: Work, queue: str, *, limit: int) -> list[JobId]:
    """Jobs of the queue to ring again, the oldest: they are marked as rung now."""
    chosen = (
        select(JOBS.c.id)
        .where(JOBS.c.queue == queue, _unheard(work.connection))
        .order_by(JOBS.c.available_at, JOBS.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rung = work.connection.execute(
        update(JOBS)
        .where(JOBS.c.id.in_(chosen))
        .values(rung_at=from_now(work.connection))
        .returning(JOBS.c.id)
    )
    return [JobId(id_) for id_ in rung.scalars()]


def lost_for_good(connection: Connection) -> list[JobId]:
    """Jobs whose last permitted attempt ended without a word: their worker died of it."""
    query = select(JOBS.c.id).where(_lost(connection)).order_by(JOBS.c.id)
    return [JobId(id_) for id_ in connection.execute(query).scalars()]


def set_aside(work: Work, job_id: JobId) -> SetAside | None:
    """Fail such a job. None when it is not lost any more."""
    connection = work.connection
    row = connection.execute(
        update(JOBS)
        .where(JOBS.c.id == job_id, _lost(connection))
        .values(
            state="failed",
            error=case(
                # An attempt that raised has said why; one that did not took its worker along.
                (JOBS.c.error.is_(None), "poison: every attempt ended with its worker"),
                else_=literal("worker lost; before that: ") + JOBS.c.error,
            ),
            token=None,
            lease_until=None,
            updated_at=from_now(connection),
        )
        .returning(JOBS)
    ).one_or_none()
    if row is None:
        return None
    return SetAside(JobId(row.id), row.kind, row.subject, row.tenant_id, row.payload, row.error)


def queues_over(connection: Connection) -> list[str]:
    """Queues with jobs that were done or given up."""
    query = select(JOBS.c.queue).distinct().where(JOBS.c.state.in_(OVER))
    return sorted(connection.execute(query).scalars())


def purge(connection: Connection, queue: str, *, over_for_s: float, limit: int) -> int:
    """Forget up to `limit` of the queue's jobs that were done or given up more than `over_for_s`
    seconds ago. Returns how many."""
    old = (
        select(JOBS.c.id)
        .where(
            JOBS.c.queue == queue,
            JOBS.c.state.in_(OVER),
            JOBS.c.updated_at < from_now(connection, -over_for_s),
        )
        .limit(limit)
    )
    return connection.execute(delete(JOBS).where(JOBS.c.id.in_(old))).rowcount


def _unheard(connection: Connection) -> ColumnElement[bool]:
    """Due, and its bell seems lost."""
    now = from_now(connection)
    return and_(
        JOBS.c.attempt < JOBS.c.max_attempt,
        or_(
            and_(JOBS.c.state == "queued", JOBS.c.available_at <= now),
            and_(JOBS.c.state == "running", JOBS.c.lease_until < now),
        ),
        or_(
            JOBS.c.rung_at.is_(None),
            JOBS.c.rung_at < from_now(connection, -RING_AGAIN_AFTER_S),
            # Not rung since it fell due.
            and_(JOBS.c.state == "queued", JOBS.c.rung_at < JOBS.c.available_at),
        ),
    )


def _lost(connection: Connection) -> ColumnElement[bool]:
    return and_(
        JOBS.c.attempt >= JOBS.c.max_attempt,
        JOBS.c.state == "running",
        JOBS.c.lease_until < from_now(connection),
    )
