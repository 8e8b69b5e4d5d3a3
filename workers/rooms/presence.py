"""Who is in a room: through which connections, from when to when.

What the log says pairs up: nobody leaves who has not joined, nobody joins twice without leaving.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from infra.contract.commands import Entered, EnterRoom, LeaveRoom
from infra.contract.ids import ConnectionId, RecordingId, new_id
from infra.contract.messages import Done
from infra.contract.refusals import Reason, refuse
from infra.contract.views import ParticipantView, RoomState, TenantView
from infra.db import connections, participants, recordings, rooms
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers import capture, pods
from workers.owners import owns
from workers.rooms import lifecycle, show
from workers.rooms.admission import require_open
from workers.rooms.show import seen, tenant_for
from workers.rooms.start import require_put_forward
from workers.tools import Tools

WhyLeft = Literal["left", "quit", "vanished", "removed", "replaced", "ended"]
"""Stands as `reason` beside the participant in `participant.left`. quit: by all connections at
once, because they said so."""


@owns(EnterRoom)
def enter_room(command: EnterRoom, work: Work, tools: Tools) -> Entered:
    """The first connection of a seat joins it, again when it had left. Others only add to it.

    Joining starts the recording where the tenant's rules say so.
    """
    room = show.lock(work, command.tenant_id, command.room_id)
    lifecycle.require_live(room.state)
    seat = show.known_seat(work, room, command.participant_id)
    require_open(room, seat)
    if not seat.is_present:
        require_put_forward(room)
        tenant = tenant_for(work, room.tenant_id)
        require_place(work, tenant, room, seat)
        seat = _join(work, room, seat, command.connection_id)
        if capture.is_due(work, room, tenant.config) and (
            tenant.config.force_recording or pods.can_record(tools.redis, room)
        ):
            capture.start(work, room, RecordingId(new_id()), tools.store.provider)
    else:
        _connect(work, seat, command.connection_id)

    running = recordings.running(work.connection, room.tenant_id, room.id)
    return Entered(
        room=seen(work, room),
        participant=seat,
        participants=tuple(
            participants.in_room(work.connection, room.tenant_id, room.id, active=True)
        ),
        recording_id=running.id if running else None,
    )


@owns(LeaveRoom)
def leave_room(command: LeaveRoom, work: Work, tools: Tools) -> Done:
    """A connection that is gone already, as when the room ended, changes nothing."""
    room = rooms.lock(work.connection, command.tenant_id, command.room_id)
    if room is not None and room.state is RoomState.LIVE:
        seat = participants.get(work.connection, room.tenant_id, room.id, command.participant_id)
        if seat is not None:
            disconnect(work, room, seat, command.connection_id, why="left")
    return Done()


def require_place(
    work: Work, tenant: TenantView, room: LockedRoom, seat: ParticipantView | None
) -> None:
    """Refuses when the room is full. People in it count, and so do seats given out a moment ago
    that nobody has used yet, or two who ask at once would be promised one place."""
    most = room.config.max_participants
    if tenant.max_participants_per_room is not None:
        most = min(most, tenant.max_participants_per_room)
    taken = participants.count_taken(
        work.connection, room.tenant_id, room.id, work.now, but=seat.id if seat else None
    )
    if taken >= most:
        raise refuse(Reason.ROOM_FULL)


def disconnect(
    work: Work,
    room: LockedRoom,
    seat: ParticipantView,
    connection_id: ConnectionId,
    *,
    why: WhyLeft,
    at: datetime | None = None,
) -> None:
    """Forget one connection; with their last one the participant has left the locked room, at
    `at` if that is not now."""
    gone = connections.disconnect(work.connection, seat, connection_id)
    if gone and seat.is_present and not connections.is_connected(work.connection, seat):
        leave(work, room, seat, why=why, at=at)


def leave(
    work: Work,
    room: LockedRoom,
    seat: ParticipantView,
    *,
    why: WhyLeft,
    at: datetime | None = None,
) -> None:
    """Somebody who is present in the locked room leaves it, with all their connections."""
    connections.disconnect_all(work.connection, seat)
    note_left(work, room, seat, why=why, at=at)
    if not participants.is_anybody_in(work.connection, room.tenant_id, room.id):
        rooms.mark_empty(work.connection, room, work.now)
    pods.close_participant(work, room, seat.id)


def note_left(
    work: Work,
    room: LockedRoom,
    seat: ParticipantView,
    *,
    why: WhyLeft,
    at: datetime | None = None,
) -> None:
    left_at = max(at or work.now, seat.joined_at or work.now)
    left = seat.model_copy(update={"left_at": left_at})
    participants.save(work.connection, left)
    news = {"participant": left.model_dump(mode="json"), "reason": why}
    work.event(room.id, room.tenant_id, "participant.left", news)


def _join(
    work: Work, room: LockedRoom, seat: ParticipantView, connection_id: ConnectionId
) -> ParticipantView:
    _connect(work, seat, connection_id)
    joined = seat.model_copy(update={"joined_at": seat.joined_at or work.now, "left_at": None})
    participants.save(work.connection, joined)
    if room.empty_since is not None:
        rooms.mark_empty(work.connection, room, None)
    news = {"participant": joined.model_dump(mode="json")}
    work.event(room.id, room.tenant_id, "participant.joined", news)
    return joined


def _connect(work: Work, seat: ParticipantView, connection_id: ConnectionId) -> None:
    if not connections.connect(work.connection, seat, connection_id, work.now):
        raise refuse(Reason.SESSION_UNKNOWN, "this connection is somebody else's")
