"""Letters that are over are forgotten: their jobs hold names, addresses and what was said."""

from __future__ import annotations

import structlog

from infra.db import job_sweeps
from workers.mail.letters import QUEUE
from workers.owners import every
from workers.tools import Tools

KEPT_S = 86_400.0
"""Seconds a letter that was sent or given up is kept. Longer: whom it was for is known longer;
shorter: there is less time to ask why it did not come."""

FORGOTTEN_AT_ONCE = 2_000

log = structlog.get_logger(__name__)


@every(600.0)
def forget_letters(tools: Tools) -> None:
    total, forgotten = 0, FORGOTTEN_AT_ONCE
    while forgotten == FORGOTTEN_AT_ONCE:
        with tools.begin() as work:
            forgotten = job_sweeps.purge(
                work.connection, QUEUE, over_for_s=KEPT_S, limit=FORGOTTEN_AT_ONCE
            )
        total += forgotten
    if total:
        log.info("old letters forgotten", count=total)
