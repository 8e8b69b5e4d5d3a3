"""Forgets in time how connections were, and which tracks are over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog

from infra.db import statistics, tracks
from infra.db.work import Work
from workers.owners import every
from workers.tools import Tools

KEPT = timedelta(days=365)
"""How long a sample of quality is kept. Longer: a row for every ten seconds of every participant
stays; shorter: how an older meeting was is no longer known."""

TRACKS_KEPT = timedelta(days=7)
"""How long a track that ended is known as one of which the log has been told; the log itself stays.
Shorter: a pod that could not speak for as long tells of it twice."""

FORGOTTEN_AT_ONCE = 5_000
"Rows. More: one statement may not have the time."

log = structlog.get_logger(__name__)


@every(3600.0)
def forget_samples(tools: Tools) -> None:
    def some(work: Work) -> int:
        before = work.now - KEPT
        return statistics.forget(work.connection, before=before, limit=FORGOTTEN_AT_ONCE)

    log.info("old samples of quality forgotten", count=_all(tools, some))


@every(3600.0)
def forget_tracks(tools: Tools) -> None:
    def some(work: Work) -> int:
        before = work.now - TRACKS_KEPT
        return tracks.forget(work.connection, before=before, limit=FORGOTTEN_AT_ONCE)

    log.info("tracks that are over forgotten", count=_all(tools, some))


def _all(tools: Tools, some: Callable[[Work], int]) -> int:
    """Do it until fewer than a full load were forgotten, each load in a transaction of its own."""
    total, forgotten = 0, FORGOTTEN_AT_ONCE
    while forgotten == FORGOTTEN_AT_ONCE:
        with tools.begin() as work:
            forgotten = some(work)
        total += forgotten
    return total
