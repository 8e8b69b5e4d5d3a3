"""Durable jobs. The row is the truth: who does it, until when, and how often it was tried.

Only the database's clock is asked, so workers whose clocks disagree cannot take each other's jobs.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Engine, and_, case, null, or_, update
from sqlalchemy.dialects import postgresql, sqlite

from infra.contract.ids import JobId, TenantId, new_id
from infra.db.clock import from_now as from_now
from infra.db.tables import Job
from infra.db.work import Work

LEASE_S = 30.0
"""Seconds a job belongs to the worker that claimed or last renewed it. Longer: a killed worker's
job waits longer; shorter: a stalled worker loses work it was doing."""

MAX_ATTEMPT = 3
RETRY_AFTER_S = (5.0, 30.0)
"Seconds before the second and the third attempt of a job that raised."

_jobs = Job.__table__  # type: ignore[attr-defined]


class LeaseLost(Exception):
    """Somebody else has the job, or nobody should: stop at once and write nothing more."""


class Draining(Exception):
    """This worker is stopping: leave the job at its checkpoint, another worker goes on from it."""


class Later(Exception):
    """This attempt came to nothing, as was to be expected: the next is due in `after_s` seconds."""

    def __init__(self, why: str, *, after_s: float) -> None:
        super().__init__(why)
        self.after_s = after_s


class Hopeless(Exception):
    """However often it is tried, it will not work: the job is given up."""


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job this worker has, until its lease runs out."""

    id: JobId
    kind: str
    subject: str
    queue: str
    tenant_id: TenantId | None
    payload: dict[str, Any]
    attempt: int
    "1 for the first. Counted before the work, so a worker that dies of it has been counted."
    max_attempt: int
    checkpoint: dict[str, Any] | None
    "What the last `beat` of an earlier attempt left."
    token: UUID
    engine: Engine = field(repr=False)
    lease_s: float = LEASE_S
    draining: threading.Event = field(default_factory=threading.Event, repr=False)
    lost: threading.Event = field(default_factory=threading.Event, repr=False)

    def beat(self, checkpoint: dict[str, Any] | None = None) -> None:
        """Renew the lease and keep the checkpoint, if there is a new one.

        Call it often: it is how the work hears that it should stop. Raises `LeaseLost` when the
        job is no longer this worker's, `Draining` when the worker is stopping.
        """
        if not self.renew(checkpoint):
            raise LeaseLost(f"{self.kind} {self.subject}")
        if self.draining.is_set():
            raise Draining(f"{self.kind} {self.subject}")

    def renew(self, checkpoint: dict[str, Any] | None = None) -> bool:
        """Renew the lease; False when it is lost. What a background thread calls."""
        if self.lost.is_set():
            return False
        with self.engine.begin() as connection:
            values: dict[str, Any] = {
                "lease_until": from_now(connection, self.lease_s),
                "updated_at": from_now(connection),
            }
            if checkpoint is not None:
                values["checkpoint"] = checkpoint
            if connection.execute(_mine(self).values(values)).rowcount == 0:
                self.lost.set()
        return not self.lost.is_set()


@dataclass(frozen=True, slots=True)
class SetAside:
    """A job that is not tried any more."""

    id: JobId
    kind: str
    subject: str
    tenant_id: TenantId | None
    payload: dict[str, Any]
    error: str


def enqueue(
    work: Work,
    kind: str,
    subject: str,
    queue: str,
    payload: dict[str, Any],
    tenant_id: TenantId | None = None,
    available_at: datetime | None = None,
    max_attempt: int = MAX_ATTEMPT,
) -> JobId:
    """Have the job done; it is rung once the unit is committed. One job a (kind, subject).

    A finished or failed one starts over with this payload. A queued one is left and rung again.
    A running one runs again when it ends: what it was asked for may have come too late for it.
    """
    connection = work.connection
    build: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    now = from_now(connection)
    wanted = build(_jobs).values(
        id=new_id(),
        kind=kind,
        subject=subject,
        queue=queue,
        tenant_id=tenant_id,
        payload=payload,
        state="queued",
        attempt=0,
        max_attempt=max_attempt,
        available_at=available_at or now,
        rung_at=now,
        created_at=now,
        updated_at=now,
    )
    over = _jobs.c.state.in_(("done", "failed"))

    def anew(column: str, otherwise: Any = None) -> Any:
        return case((over, wanted.excluded[column]), else_=_jobs.c[column])

    settled = wanted.on_conflict_do_update(
        index_elements=[_jobs.c.kind, _jobs.c.subject],
        set_={
            "state": anew("state"),
            "attempt": anew("attempt"),
            "max_attempt": anew("max_attempt"),
            "queue": anew("queue"),
            "payload": anew("payload"),
            "available_at": anew("available_at"),
            "checkpoint": case((over, null()), else_=_jobs.c.checkpoint),
            "error": case((over, null()), else_=_jobs.c.error),
            "rung_at": now,
            "updated_at": now,
        },
    ).returning(_jobs.c.id, _jobs.c.queue, _jobs.c.state)
    row = connection.execute(settled).one()
    if row.state == "queued" and (available_at is None or available_at <= work.now):
        work.ring(JobId(row.id), row.queue)
    return JobId(row.id)


def claim(engine: Engine, job_id: JobId, *, lease_s: float = LEASE_S) -> ClaimedJob | None:
    """Take the job, if it is anybody's to take. Commits; the attempt has been counted."""
    with engine.begin() as connection:
        now = from_now(connection)
        takeable = or_(
            and_(_jobs.c.state == "queued", _jobs.c.available_at <= now),
            and_(_jobs.c.state == "running", _jobs.c.lease_until < now),
        )
        row = connection.execute(
            update(_jobs)
            .where(_jobs.c.id == job_id, _jobs.c.attempt < _jobs.c.max_attempt, takeable)
            .values(
                state="running",
                token=new_id(),
                rung_at=None,
                attempt=_jobs.c.attempt + 1,
                lease_until=from_now(connection, lease_s),
                updated_at=now,
            )
            .returning(_jobs)
        ).one_or_none()
    if row is None:
        return None
    return ClaimedJob(
        id=JobId(row.id),
        kind=row.kind,
        subject=row.subject,
        queue=row.queue,
        tenant_id=row.tenant_id,
        payload=row.payload,
        attempt=row.attempt,
        max_attempt=row.max_attempt,
        checkpoint=row.checkpoint,
        token=row.token,
        engine=engine,
        lease_s=lease_s,
    )


def finish(work: Work, job: ClaimedJob) -> None:
    """Mark the job done in the unit that writes what it came to. Raises `LeaseLost` otherwise.

    An owner that does not call this has it done for it when it returns.
    """
    if not finish_if_mine(work, job):
        raise LeaseLost(f"{job.kind} {job.subject}")


def finish_if_mine(work: Work, job: ClaimedJob) -> bool:
    # Claiming took the ring away, so one that is there came later.
    asked_again = _jobs.c.rung_at.is_not(None)
    now = from_now(work.connection)
    row = work.connection.execute(
        _mine(job)
        .values(
            state=case((asked_again, "queued"), else_="done"),
            attempt=case((asked_again, 0), else_=_jobs.c.attempt),
            checkpoint=None,
            error=None,
            token=None,
            lease_until=None,
            available_at=now,
            updated_at=now,
        )
        .returning(_jobs.c.state)
    ).one_or_none()
    if row is not None and row.state == "queued":
        work.ring(job.id, job.queue)
    return row is not None


def fail(
    work: Work,
    job: ClaimedJob,
    error: str,
    *,
    after_s: float | None = None,
    hopeless: bool = False,
) -> Literal["queued", "failed", "lost"]:
    """An attempt came to nothing: try again later, or set the job aside after the last one.

    `after_s` None: `RETRY_AFTER_S` says how much later. `hopeless`: this one was the last.
    """
    again = job.attempt < job.max_attempt and not hopeless
    wait_s = RETRY_AFTER_S[min(job.attempt, len(RETRY_AFTER_S)) - 1] if after_s is None else after_s
    changed = work.connection.execute(
        _mine(job).values(
            state="queued" if again else "failed",
            error=error,
            token=None,
            lease_until=None,
            available_at=from_now(work.connection, wait_s),
            updated_at=from_now(work.connection),
        )
    )
    if changed.rowcount == 0:
        return "lost"
    return "queued" if again else "failed"


def release(work: Work, job: ClaimedJob) -> None:
    """Give the job back untried, because this worker is stopping."""
    now = from_now(work.connection)
    given = work.connection.execute(
        _mine(job).values(
            state="queued",
            attempt=_jobs.c.attempt - 1,
            token=None,
            lease_until=None,
            available_at=now,
            rung_at=now,
            updated_at=now,
        )
    )
    if given.rowcount:
        work.ring(job.id, job.queue)


def _mine(job: ClaimedJob) -> Any:
    return update(_jobs).where(
        _jobs.c.id == job.id, _jobs.c.token == job.token, _jobs.c.state == "running"
    )
