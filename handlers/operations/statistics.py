"""What was measured of a room, of its people, of everything: as any dialect shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from handlers.context import Context
from infra.contract.history import History
from infra.contract.history import facts as tell
from infra.contract.ids import ParticipantId, RoomId, TenantId
from infra.contract.statistics import LiveFigures, MediaStatus, RoomFacts, SystemFigures
from infra.contract.views import RoomView, TrackView
from infra.db import statistics

HISTORIES = 500
"Rooms whose log is not read from its beginning again, by this process."

_histories: dict[RoomId, History] = {}
"What was read of them, the latest asked for last: only a saving, every process has its own."


async def facts(here: Context, room: RoomView) -> RoomFacts:
    """The room's history up to now. A meeting that is on counts until now."""
    history = _histories.pop(room.id, None) or History()
    _histories[room.id] = history
    while len(_histories) > HISTORIES:
        del _histories[next(iter(_histories))]
    if history.seq < room.seq:
        for entry in await here.reader.read(statistics.log, room, history.seq):
            history.see(entry)
    people = await here.reader.read(statistics.people, room)
    return tell(history, room, people, now=here.now())


async def live(here: Context, room_id: RoomId) -> LiveFigures | None:
    """What the room's pod measured during the last seconds. None: no pod reports the room."""
    return await here.live.figures(room_id)


async def system(here: Context, tenant_id: TenantId) -> SystemFigures:
    counts = await here.reader.read(statistics.of_tenant, tenant_id)
    pods = await here.live.pods()
    figures = await here.live.figures_of(counts.live)
    bitrates = [each.incoming_bps + each.outgoing_bps for each in figures]
    return SystemFigures(
        meetings=counts.meetings,
        active_meetings=len(counts.live),
        participants_online=counts.people,
        pods=len(pods),
        rooms_held=len(figures),
        quality=counts.quality,
        bitrate_bps=round(sum(bitrates) / len(bitrates)) if bitrates else None,
        cpu_percent=_mean(pod.cpu_percent for pod in pods),
        memory_percent=_mean(pod.memory_percent for pod in pods),
    )


async def media_status(here: Context, room_id: RoomId) -> Mapping[ParticipantId, MediaStatus]:
    """Of everybody who publishes something now; who is not here publishes nothing."""
    tracks = await here.live.tracks(room_id)
    figures = await here.live.figures(room_id)
    speaking = (
        {link.participant_id for link in figures.links if link.speaking} if figures else set()
    )
    by_person: dict[ParticipantId, MediaStatus] = {}
    for track in tracks:
        who = track.participant_id
        status = by_person.get(who, MediaStatus(is_speaking=who in speaking))
        by_person[who] = status.model_copy(
            update={
                "video_enabled": status.video_enabled or _is_on(track, "camera"),
                "audio_enabled": status.audio_enabled or _is_on(track, "microphone"),
                "screen_sharing": status.screen_sharing or _is_on(track, "screen"),
                "is_muted_by_host": status.is_muted_by_host or track.muted_by_host,
            }
        )
    return by_person


def _is_on(track: TrackView, source: str) -> bool:
    return track.source == source and not track.muted


def _mean(measured: Iterable[float | None]) -> float | None:
    known = [each for each in measured if each is not None]
    return sum(known) / len(known) if known else None
