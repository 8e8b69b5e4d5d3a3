"""Keeps what pods measured, of pods whose word counts.

The word of a pod counts while it holds the room under the epoch it names, and after the room ended
until somebody holds it again: what was measured last is said after the end. An epoch has had one
holder only, so where nobody holds the room now the number alone tells.
"""

from __future__ import annotations

import structlog

from infra.contract.commands import NoteQuality, NoteTracks
from infra.contract.ids import PodId
from infra.contract.messages import Done
from infra.db import placements, rooms, statistics
from infra.db.work import Work
from workers import tracks
from workers.owners import owns
from workers.tools import Tools

log = structlog.get_logger(__name__)


@owns(NoteTracks)
def note_tracks(command: NoteTracks, work: Work, tools: Tools) -> Done:
    tenant_id = placements.tenant_of(work.connection, command.room_id)
    room = rooms.lock(work.connection, tenant_id, command.room_id) if tenant_id else None
    if room is None or not _counts(command, room.pod_id, room.epoch):
        return Done()
    for news in command.news:
        tracks.note(work, room, news)
    return Done()


@owns(NoteQuality)
def note_quality(command: NoteQuality, work: Work, tools: Tools) -> Done:
    held = statistics.holder(work.connection, command.room_id)
    if held is not None and _counts(command, *held):
        statistics.keep(work.connection, command.room_id, command.samples)
    return Done()


def _counts(command: NoteTracks | NoteQuality, pod_id: PodId | None, epoch: int) -> bool:
    counts = command.epoch == epoch and pod_id in (None, command.pod_id)
    if not counts:
        log.info("what a pod measured came too late", kind=command.kind, epoch=command.epoch)
    return counts
