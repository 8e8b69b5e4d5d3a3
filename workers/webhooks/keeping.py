"""What becomes of deliveries with time: those held back go out, old ones are forgotten."""

from __future__ import annotations

from datetime import timedelta

import structlog

from infra.db import deliveries
from workers.owners import every
from workers.tools import Tools

KEPT = timedelta(days=30)
"How long a delivery can be looked up and asked for again."
FORGOTTEN_AT_ONCE = 2_000

log = structlog.get_logger(__name__)


@every(5.0)
def release_overdue(tools: Tools) -> None:
    """A transcript took too long: what waited for it goes out without it."""
    with tools.begin() as work:
        if deliveries.release_overdue(work.connection):
            work.knock(deliveries.QUEUE)


@every(600.0)
def forget_old(tools: Tools) -> None:
    """A few at a time: a busy day's are more than one statement has time for."""
    total, forgotten = 0, FORGOTTEN_AT_ONCE
    while forgotten == FORGOTTEN_AT_ONCE:
        with tools.begin() as work:
            forgotten = deliveries.purge(
                work.connection, before=work.now - KEPT, limit=FORGOTTEN_AT_ONCE
            )
        total += forgotten
    if total:
        log.info("old deliveries forgotten", count=total)
