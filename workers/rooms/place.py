"""Which pod holds a room. The epoch in the row decides; Redis only says who seems to be alive."""

from __future__ import annotations

from infra.bus import keys
from infra.contract.commands import ClaimRoom, PlaceRoom
from infra.contract.events import RoomMoved
from infra.contract.ids import RoomId, TenantId
from infra.contract.messages import Done, Placement
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RoomState
from infra.db import placements, rooms
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers import capture, pods, tracks
from workers.owners import owns
from workers.rooms import lifecycle, watch
from workers.tools import Tools

SILENT_FOR_S = 3.0
"""Seconds Redis must have been watched before a pod that is missing there counts as dead: pods
report every second. Longer: rooms wait when the whole stack starts; shorter: rooms of pods that
are well are moved when Redis comes back empty."""

_TRIES = 5
"Times the room may be moved by others between being read and being written."


@owns(PlaceRoom)
def place_room(command: PlaceRoom, work: Work, tools: Tools) -> Placement:
    return place(work, tools, command.tenant_id, command.room_id)


@owns(ClaimRoom)
def claim_room(command: ClaimRoom, work: Work, tools: Tools) -> Done:
    """Whoever the row names holds the room, and hears what to do; anybody else drops it."""
    tenant_id = placements.tenant_of(work.connection, command.room_id)
    room = rooms.lock(work.connection, tenant_id, command.room_id) if tenant_id else None
    if room is not None and room.state is RoomState.LIVE and room.pod_id == command.pod_id:
        pods.grant(tools.redis, room.id, command.pod_id, room.epoch)
        pods.hold(work, room)
    else:
        pods.drop(work, command.room_id, command.pod_id, command.epoch)
    return Done()


def place(work: Work, tools: Tools, tenant_id: TenantId, room_id: RoomId) -> Placement:
    """Where the room is held: where it was if that pod is well, else at the least loaded one.

    A pod that drains keeps its rooms only while no other takes them. Moving a room tells the pod
    of before, in case it lives, and everybody who listens.
    """
    alive = pods.reports(tools.redis)
    for _ in range(_TRIES):
        room = rooms.get(work.connection, tenant_id, room_id)
        if room is None:
            raise refuse(Reason.ROOM_UNKNOWN)
        lifecycle.require_live(room.state)
        held = placements.get(work.connection, tenant_id, room_id)
        chosen = pods.least_loaded(alive)
        if held is not None:
            holder = alive.get(held.pod_id)
            if holder is not None and (chosen is None or not holder.draining):
                if not tools.redis.exists(keys.lease(room_id)):
                    # Its pod would be renewing it, had it heard: the order went down with Redis.
                    return _hand_over(work, tools, tenant_id, room_id)
                return held
            if holder is None and watch.since(tools.redis, work.now) < SILENT_FOR_S:
                raise refuse(Reason.NO_MEDIA_POD, retry_after_s=1)
        if chosen is None:
            raise refuse(Reason.NO_MEDIA_POD, retry_after_s=2)

        epoch = placements.move(work.connection, room, chosen.pod_id, chosen.spool_id)
        if epoch is None:
            continue
        if held is not None:
            pods.drop(work, room_id, held.pod_id, held.epoch)
            work.signal(room_id, RoomMoved(room_id=room_id, epoch=epoch))
            tracks.end_all(work, _locked(work, tenant_id, room_id))
        return _hand_over(work, tools, tenant_id, room_id)
    raise refuse(Reason.POD_BUSY, "the room keeps moving", retry_after_s=1)


def _hand_over(work: Work, tools: Tools, tenant_id: TenantId, room_id: RoomId) -> Placement:
    room = _locked(work, tenant_id, room_id)
    if room.pod_id is None:
        raise LookupError(f"room {room_id} lost its place in the unit that gave it one")
    capture.begin_part(work, room)
    # Good for nothing should the commit fail: no pod is told of it then.
    pods.grant(tools.redis, room.id, room.pod_id, room.epoch)
    pods.hold(work, room)
    version = placements.next_order(work.connection, room)
    return Placement(room_id=room.id, pod_id=room.pod_id, epoch=room.epoch, version=version)


def _locked(work: Work, tenant_id: TenantId, room_id: RoomId) -> LockedRoom:
    room = rooms.lock(work.connection, tenant_id, room_id)
    if room is None:
        raise LookupError(f"room {room_id} went away in the unit that gave it a place")
    return room
