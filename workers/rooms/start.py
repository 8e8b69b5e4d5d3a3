"""Making rooms live that are not."""

from __future__ import annotations

from infra.contract.commands import StartRoom
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RoomView, TenantView
from infra.db import rooms
from infra.db.rooms import LockedRoom
from infra.db.work import Work
from workers.owners import owns
from workers.rooms import lifecycle, quota, show
from workers.rooms.lifecycle import Step
from workers.tools import Tools


@owns(StartRoom)
def start_room(command: StartRoom, work: Work, tools: Tools) -> RoomView:
    tenant = quota.lock(work, command.tenant_id)
    room = show.lock(work, command.tenant_id, command.room_id)
    return open_again(work, tenant, room, Step.START)


def open_again(work: Work, tenant: TenantView, room: LockedRoom, step: Step) -> RoomView:
    """Make a locked room of a locked tenant live by this step: a session begins.

    Refuses ROOM_NOT_ACTIVE, ROOM_NOT_SCHEDULED, ROOM_QUOTA_REACHED.
    """
    live = lifecycle.after(room.state, step)
    require_put_forward(room)
    quota.require_one_more(work, tenant)
    rooms.change(
        work.connection,
        room,
        work.now,
        state=live.value,
        started_at=work.now,
        ended_at=None,
        empty_since=work.now,
    )
    return show.announce(work, room, "room.started")


def require_put_forward(room: LockedRoom) -> None:
    """Refuses a room that was put aside."""
    if not room.is_active:
        raise refuse(Reason.ROOM_NOT_ACTIVE, "the room was put aside")
