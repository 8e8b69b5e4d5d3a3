"""What the media pods say of themselves, and what the pod that holds a room is told."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import cast
from uuid import UUID

import redis
from pydantic import TypeAdapter, ValidationError

from infra.bus import keys
from infra.bus.pods import LEASE_MS
from infra.bus.port import PodReport
from infra.contract.ids import ParticipantId, PodId, RoomId
from infra.contract.live import (
    CloseParticipant,
    DropRoom,
    HoldRoom,
    MuteTrack,
    RecordingOrder,
    Source,
)
from infra.contract.views import TrackView
from infra.db import participants, placements, recordings
from infra.db.rooms import LockedRoom
from infra.db.work import Work

FULL_FROM = 0.85
"""How full a pod's spool is when no new recording is begun there. What is left is for those under
way. Higher: they may lose segments; lower: recordings are refused that would have fit."""

TRACKS = TypeAdapter(list[TrackView])

REMOVED_TOLD = 1_000
"Seats taken away that a pod is told of, the latest; what an older one had is long closed."


def reports(client: redis.Redis) -> dict[PodId, PodReport]:
    """Every pod that has reported within its report's lifetime."""
    members = cast("set[bytes]", client.smembers(keys.PODS))
    ids = sorted(PodId(UUID(member.decode())) for member in members)
    if not ids:
        return {}
    found: dict[PodId, PodReport] = {}
    texts = cast("list[bytes | None]", client.mget([keys.pod(pod) for pod in ids]))
    for pod, text in zip(ids, texts, strict=True):
        if text is None:
            client.srem(keys.PODS, str(pod))
            continue
        try:
            found[pod] = PodReport.model_validate_json(text)
        except ValidationError:
            # A pod of another release: none of ours to send rooms to.
            continue
    return found


def least_loaded(pods: dict[PodId, PodReport]) -> PodReport | None:
    """Of those that take rooms; one that can record, if there is one."""
    willing = (pod for pod in pods.values() if not pod.draining)
    return min(
        willing,
        key=lambda pod: (_is_full(pod), pod.connections, pod.rooms, str(pod.pod_id)),
        default=None,
    )


def can_record(client: redis.Redis, room: LockedRoom) -> bool:
    """Whether there is place for a recording of the room: at its pod, else at one that takes
    rooms. Where no pod is, recordings begin when one comes."""
    alive = reports(client)
    if room.pod_id in alive:
        return not _is_full(alive[room.pod_id])
    chosen = least_loaded(alive)
    return chosen is None or not _is_full(chosen)


def _is_full(pod: PodReport) -> bool:
    return pod.spool_used >= FULL_FROM


def grant(client: redis.Redis, room_id: RoomId, pod_id: PodId, epoch: int) -> None:
    """Write the room's lease, which from now on its pod renews."""
    lease = json.dumps({"pod": str(pod_id), "epoch": epoch})
    client.set(keys.lease(room_id), lease, px=LEASE_MS)


def hold(work: Work, room: LockedRoom) -> None:
    """Tell the room's pod all of what it should be doing for it, if it has one."""
    if room.pod_id is None:
        return
    running = recordings.running(work.connection, room.tenant_id, room.id)
    work.order(
        room.pod_id,
        HoldRoom(
            room_id=room.id,
            epoch=room.epoch,
            version=placements.next_order(work.connection, room),
            tenant_id=room.tenant_id,
            recording=running
            and RecordingOrder(
                recording_id=running.id,
                started_at=running.started_at,
                audio=room.config.record_audio,
                video=room.config.record_video,
            ),
            removed=participants.removed(work.connection, room.tenant_id, room.id, REMOVED_TOLD),
        ),
    )


SCREEN: frozenset[Source] = frozenset({"screen", "screen_audio"})


def mute(
    work: Work,
    client: redis.Redis,
    room: LockedRoom,
    sources: Collection[Source],
    participant_id: ParticipantId | None = None,
) -> None:
    """Have what comes of these sources into the room muted, of one participant or of everybody, by
    what the pod said it is sent."""
    stored = cast("bytes | None", client.get(keys.tracks(room.id)))
    if room.pod_id is None or stored is None:
        return
    for track in TRACKS.validate_json(stored):
        if track.source in sources and participant_id in (None, track.participant_id):
            work.order(
                room.pod_id,
                MuteTrack(
                    room_id=room.id,
                    epoch=room.epoch,
                    version=placements.next_order(work.connection, room),
                    participant_id=track.participant_id,
                    track_id=track.track_id,
                    muted=True,
                ),
            )


def drop(work: Work, room_id: RoomId, pod_id: PodId, epoch: int) -> None:
    """Tell a pod that its tenure `epoch` of the room is over."""
    work.order(pod_id, DropRoom(room_id=room_id, epoch=epoch))


def close_participant(work: Work, room: LockedRoom, participant_id: ParticipantId) -> None:
    """Have whatever the participant still has connected closed."""
    if room.pod_id is not None:
        work.order(
            room.pod_id,
            CloseParticipant(
                room_id=room.id,
                epoch=room.epoch,
                version=placements.next_order(work.connection, room),
                participant_id=participant_id,
            ),
        )
