"""Which pod a room's media is ordered of, and what to do when it was the wrong one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from handlers.context import Context
from infra.contract.commands import PlaceRoom
from infra.contract.ids import RoomId, TenantId
from infra.contract.messages import LiveCommand, Placement, Reply
from infra.contract.refusals import Reason, Refused
from infra.db import placements

R = TypeVar("R", bound=Reply)

MOVED = (Reason.STALE_EPOCH, Reason.COMMAND_PENDING, Reason.ROOM_UNKNOWN)
"How a pod that no longer holds the room, or no longer is, shows."


async def place(here: Context, tenant_id: TenantId, room_id: RoomId) -> Placement:
    """Where the room is held now: by the pod its row names while that reports, else where the
    rooms' owner puts it. Refuses with NO_MEDIA_POD, or as the room's state has it."""
    held = await here.reader.read(placements.get, tenant_id, room_id)
    if held is not None and any(pod.pod_id == held.pod_id for pod in await here.live.pods()):
        return held
    return await here.bus.ask(PlaceRoom(tenant_id=tenant_id, room_id=room_id))


async def order(
    here: Context,
    tenant_id: TenantId,
    room_id: RoomId,
    build: Callable[[Placement], LiveCommand[R]],
) -> R:
    """Have the room's pod do what `build` makes of its placement.

    A pod that refuses the epoch or does not answer is asked for once more, and the order goes to
    whoever holds the room by then: `build` must make an order that may be carried out twice.
    """
    placement = await place(here, tenant_id, room_id)
    try:
        return await here.bus.order(placement.pod_id, build(placement))
    except Refused as refused:
        if refused.refusal.reason not in MOVED:
            raise
        again = await here.bus.ask(PlaceRoom(tenant_id=tenant_id, room_id=room_id))
        moved = (again.pod_id, again.epoch) != (placement.pod_id, placement.epoch)
        if not moved and refused.refusal.reason is not Reason.STALE_EPOCH:
            raise
        return await here.bus.order(again.pod_id, build(again))
