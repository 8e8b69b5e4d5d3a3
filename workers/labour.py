"""Doing one job: claimed by its row, kept by a lease, and set aside when it does only harm."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from infra.contract.ids import JobId
from infra.db import jobs
from infra.db.jobs import LEASE_S, ClaimedJob, Draining, Hopeless, Later, LeaseLost, SetAside
from infra.telemetry.metrics import JOBS
from workers.owners import MOURNERS, PERFORMERS
from workers.tools import Tools

log = structlog.get_logger(__name__)


def labour(job_id: JobId, tools: Tools, *, lease_s: float = LEASE_S) -> None:
    """Do the job if it is to be had. Does not raise for what the work raises."""
    claimed = jobs.claim(tools.engine, job_id, lease_s=lease_s)
    if claimed is None:
        return
    job = dataclasses.replace(claimed, draining=tools.draining)
    with structlog.contextvars.bound_contextvars(
        job=job.kind, subject=job.subject, attempt=job.attempt
    ):
        ended = _attempt(job, tools)
        JOBS.labels(job.kind, ended).inc()
        log.info("job attempted", ended=ended)


def _attempt(job: ClaimedJob, tools: Tools) -> str:
    try:
        with _kept(job):
            PERFORMERS[job.kind](job, tools)
    except LeaseLost:
        return "lost"
    except Draining:
        with tools.begin() as work:
            jobs.release(work, job)
        return "released"
    except Later as later:
        return _failed(job, str(later), tools, after_s=later.after_s)
    except Hopeless as hopeless:
        return _failed(job, str(hopeless), tools, hopeless=True)
    except Exception as broken:
        log.exception("a job's attempt failed")
        return _failed(job, f"{type(broken).__name__}: {broken}", tools)
    with tools.begin() as work:
        jobs.finish_if_mine(work, job)
    return "done"


def _failed(
    job: ClaimedJob,
    error: str,
    tools: Tools,
    *,
    after_s: float | None = None,
    hopeless: bool = False,
) -> str:
    with tools.begin() as work:
        ended = jobs.fail(work, job, error, after_s=after_s, hopeless=hopeless)
        if ended == "failed" and job.kind in MOURNERS:
            aside = SetAside(job.id, job.kind, job.subject, job.tenant_id, job.payload, error)
            MOURNERS[job.kind](aside, work, tools)
    return "retried" if ended == "queued" else ended


@contextmanager
def _kept(job: ClaimedJob) -> Iterator[None]:
    """Renews the lease three times in its life, from a thread of its own."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(job.lease_s / 3):
            try:
                if not job.renew():
                    log.warning("a job was lost to another worker", job=job.kind, id=str(job.id))
                    return
            except SQLAlchemyError as broken:
                log.warning("a lease could not be renewed", error=type(broken).__name__)

    renewing = threading.Thread(target=renew, name=f"lease {job.kind}", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()
