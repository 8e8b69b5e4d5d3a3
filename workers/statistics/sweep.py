"""Forgets how connections were, in time."""

from __future__ import annotations

from datetime import timedelta

import structlog

from infra.db import statistics
from workers.owners import every
from workers.tools import Tools

KEPT = timedelta(days=365)
"""How long a sample of quality is kept. Longer: a row for every ten seconds of every participant
stays; shorter: how an older meeting was is no longer known."""
ROOMS_AT_ONCE = 50

log = structlog.get_logger(__name__)


@every(3600.0)
def forget_samples(tools: Tools) -> None:
    total, gone = 0, 1
    while gone:
        with tools.begin() as work:
            gone = statistics.forget(work.connection, before=work.now - KEPT, rooms=ROOMS_AT_ONCE)
        total += gone
    log.info("old samples of quality forgotten", count=total)
