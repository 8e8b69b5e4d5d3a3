"""Recordings that would wait for ever: reports that were lost, machines that are gone."""

from __future__ import annotations

from datetime import timedelta
from typing import cast
from uuid import UUID

import redis
import structlog

from infra.bus import keys
from infra.contract.ids import SpoolId
from infra.db import parts, recordings
from workers.capture import settle
from workers.owners import every
from workers.recordings.upload import order_upload
from workers.tools import Tools

LOST_AFTER = timedelta(minutes=10)
"""After a stop. A part whose spool nobody serves by then, or whose pod hangs with it open, is done
without. Longer: a slow machine gets its part in; shorter: people wait less for the rest."""
AT_ONCE = 200

log = structlog.get_logger(__name__)


@every(10.0)
def end_parts(tools: Tools) -> None:
    """Have parts whose writer should be done looked at, and give up those that nobody can."""
    with tools.engine.connect() as connection:
        ending = parts.ending(connection, AT_ONCE)
    served = spools_served(tools.redis) if ending else set()
    for part, stopped_at in ending:
        with tools.begin() as work:
            recording = recordings.lock(work.connection, part.recording_id)
            if recording is None:
                continue
            is_served = part.spool_id in served
            if is_served:
                order_upload(
                    work,
                    part.recording_id,
                    part.epoch,
                    part.spool_id,
                    tenant_id=recording.tenant_id,
                )
            if is_served and part.state == "captured":
                continue  # it is being stored, however long that takes
            if stopped_at is not None and work.now - stopped_at > LOST_AFTER:
                parts.end(
                    work.connection, part.recording_id, part.epoch, state="lost", now=work.now
                )
                settle(work, part.recording_id)
                log.error(
                    "a part of a recording is given up",
                    recording_id=str(part.recording_id),
                    epoch=part.epoch,
                )


@every(60.0)
def order_films(tools: Tools) -> None:
    """Recordings that have everything and are not put together: some order was lost."""
    with tools.engine.connect() as connection:
        waiting = parts.settled(connection, AT_ONCE)
    for recording_id in waiting:
        with tools.begin() as work:
            settle(work, recording_id)


def spools_served(client: redis.Redis) -> set[SpoolId]:
    """Those beside which an upload worker is alive."""
    prefix = keys.uploads(SpoolId(UUID(int=0))).rpartition(".")[0] + "."
    members = sorted(m.decode() for m in cast("set[bytes]", client.smembers(keys.WORKERS)))
    served: set[SpoolId] = set()
    for member in members:
        queue, _, name = member.partition(":")
        if queue.startswith(prefix) and client.exists(keys.worker(queue, name)):
            served.add(SpoolId(UUID(queue.removeprefix(prefix))))
    return served
