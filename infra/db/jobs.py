"""Durable jobs. The row is the truth: who does it, until when, and how often it was tried.

Only the database's clock is asked, so workers whose clocks disagree cannot take each other's jobs.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    Row,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from infra.contract.ids import JobId, TenantId, new_id
from infra.db.tables import Job, UtcDateTime
from infra.db.work import Work

LEASE_S = 30.0
"""Seconds a job belongs to the worker that claimed or last renewed it. Longer: a killed worker's
job waits longer; shorter: a stalled worker loses work it was doing."""

BEAT_EVERY_S = 10.0
"How often a worker at work renews its lease."

MAX_ATTEMPT = 3
RETRY_AFTER_S = (5.0, 30.0)
"Seconds before the second and the third attempt of a job that raised."

_jobs = Job.__table__  # type: ignore[attr-defined]


class LeaseLost(Exception):
    """Somebody else has the job, or nobody should: stop at once and write nothing more."""


class Draining(Exception):
    """This worker is stopping: leave the job where its checkpoint is, another will go on."""


class from_now(ColumnElement[datetime]):  # noqa: N801 - reads as the SQL function it is
    """The database's clock, `seconds` from now. Moves on within a transaction."""

    inherit_cache = True
    type = UtcDateTime()

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = literal(seconds)


@compiles(from_now, "postgresql")
def _on_postgres(element: from_now, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(element.seconds, **kw)}))"


@compiles(from_now, "sqlite")
def _on_sqlite(element: from_now, compiler: SQLCompiler, **kw: Any) -> str:
    # Written as the driver writes times, so that comparing them as text compares them as times.
    seconds = compiler.process(element.seconds, **kw)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', ({seconds}) || ' seconds')"
