"""What has to be looked for because nobody will say it: lost bells, dead workers, old outcomes."""

from __future__ import annotations

import structlog

from infra.db import jobs, outcomes
from infra.telemetry.metrics import JOBS
from workers.owners import MOURNERS, every
from workers.tools import Tools

QUEUE_FULL = 100
"""Bells waiting in one queue from which on no more are added: a long backlog needs no second bell
for each of its jobs every ten seconds."""

FORGOTTEN_AT_ONCE = 2_000

log = structlog.get_logger(__name__)


@every(2.0)
def ring_again(tools: Tools) -> None:
    """Ring for jobs whose bell or whose worker was lost."""
    with tools.engine.connect() as connection:
        queues = jobs.queues_due(connection)
    for queue in queues:
        room = QUEUE_FULL - tools.waiting(queue)
        if room <= 0:
            continue
        with tools.begin() as work:
            for job_id in jobs.ring_lost(work, queue, limit=room):
                work.ring(job_id, queue)


@every(2.0)
def set_aside(tools: Tools) -> None:
    """Give up jobs that took every permitted attempt's worker with them."""
    with tools.engine.connect() as connection:
        lost = jobs.lost_for_good(connection)
    for job_id in lost:
        try:
            with tools.begin() as work:
                aside = jobs.set_aside(work, job_id)
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
    """A few at a time: a busy day's are more than one statement has time for."""
    total, forgotten = 0, FORGOTTEN_AT_ONCE
    while forgotten == FORGOTTEN_AT_ONCE:
        with tools.begin() as work:
            forgotten = outcomes.purge(work.connection, now=work.now, limit=FORGOTTEN_AT_ONCE)
        total += forgotten
    log.info("old outcomes forgotten", count=total)
