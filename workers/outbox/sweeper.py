"""What has to be looked for because nobody will say it: lost bells, dead workers, old outcomes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog

from infra.db import audit, job_sweeps, outcomes
from infra.db.work import Work
from infra.telemetry.metrics import JOBS
from workers.owners import MOURNERS, every
from workers.tools import Tools

QUEUE_FULL = 100
"""Bells waiting in one queue from which on no more are added: a long backlog needs no second bell
for each of its jobs every ten seconds."""

FORGOTTEN_AT_ONCE = 2_000

JOBS_KEPT_S = 30 * 86_400.0
"""Seconds a job that was done or given up can be looked up. Those of letters go sooner
(`workers/mail/keeping.py`)."""

log = structlog.get_logger(__name__)


@every(2.0)
def ring_again(tools: Tools) -> None:
    """Ring for jobs whose bell or whose worker was lost."""
    with tools.engine.connect() as connection:
        queues = job_sweeps.queues_due(connection)
    for queue in queues:
        room = QUEUE_FULL - tools.waiting(queue)
        if room <= 0:
            continue
        with tools.begin() as work:
            for job_id in job_sweeps.ring_lost(work, queue, limit=room):
                work.ring(job_id, queue)


@every(2.0)
def set_aside(tools: Tools) -> None:
    """Give up jobs that took every permitted attempt's worker with them."""
    with tools.engine.connect() as connection:
        lost = job_sweeps.lost_for_good(connection)
    for job_id in lost:
        try:
            with tools.begin() as work:
                aside = job_sweeps.set_aside(work, job_id)
                if aside is not None and aside.kind in MOURNERS:
                    MOURNERS[aside.kind](aside, work, tools)
        except Exception:
            # The next one must not wait for a mourner that breaks.
            log.exception("a lost job could not be set aside", job_id=str(job_id))
            continue
        if aside is not None:
            JOBS.labels(aside.kind, "poison").inc()
            log.error("job set aside", job=aside.kind, subject=aside.subject, error=aside.error)


@every(600.0)
def forget_outcomes(tools: Tools) -> None:
    def some(work: Work) -> int:
        return outcomes.purge(work.connection, now=work.now, limit=FORGOTTEN_AT_ONCE)

    log.info("old outcomes forgotten", count=_all(tools, some))


@every(3600.0)
def forget_jobs(tools: Tools) -> None:
    """Asked for again, one that is forgotten is begun anew, as one that is over would be."""
    with tools.engine.connect() as connection:
        queues = job_sweeps.queues_over(connection)
    for queue in queues:

        def some(work: Work, queue: str = queue) -> int:
            return job_sweeps.purge(
                work.connection, queue, over_for_s=JOBS_KEPT_S, limit=FORGOTTEN_AT_ONCE
            )

        log.info("old jobs forgotten", queue=queue, count=_all(tools, some))


@every(3600.0)
def forget_audit(tools: Tools) -> None:
    kept = timedelta(days=tools.settings.audit_kept_days)

    def some(work: Work) -> int:
        return audit.purge(work.connection, before=work.now - kept, limit=FORGOTTEN_AT_ONCE)

    log.info("old entries of the audit log forgotten", count=_all(tools, some))


def _all(tools: Tools, some: Callable[[Work], int]) -> int:
    """A few at a time, each in a transaction of its own: a busy day's are more than one statement
    has time for."""
    total, forgotten = 0, FORGOTTEN_AT_ONCE
    while forgotten == FORGOTTEN_AT_ONCE:
        with tools.begin() as work:
            forgotten = some(work)
        total += forgotten
    return total
