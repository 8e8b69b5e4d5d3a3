"""Which pod holds a room, and under which numbers it is told what to do."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from infra.contract.ids import PodId, RoomId, SpoolId, TenantId
from infra.contract.messages import Placement
from infra.contract.views import RoomState, RoomView
from infra.db.rooms import ROOMS, LockedRoom


def get(connection: Connection, tenant_id: TenantId, room_id: RoomId) -> Placement | None:
    """Where a live room was put last; its pod may have died since."""
    row = connection.execute(
        select(ROOMS.c.pod_id, ROOMS.c.epoch, ROOMS.c.orders).where(
            ROOMS.c.id == room_id,
            ROOMS.c.tenant_id == tenant_id,
            ROOMS.c.state == RoomState.LIVE,
            ROOMS.c.pod_id.is_not(None),
        )
    ).one_or_none()
    if row is None:
        return None
    return Placement(room_id=room_id, pod_id=row.pod_id, epoch=row.epoch, version=row.orders)


def tenant_of(connection: Connection, room_id: RoomId) -> TenantId | None:
    """For orders that come from a pod, which knows no tenants."""
    tenant_id = connection.scalar(select(ROOMS.c.tenant_id).where(ROOMS.c.id == room_id))
    return TenantId(tenant_id) if tenant_id else None


def move(connection: Connection, room: RoomView, pod_id: PodId, spool_id: SpoolId) -> int | None:
    """Give a live room to the pod under the next epoch, which is returned.

    None: it has moved or ended since `room` was read.
    """
    epoch: int | None = connection.scalar(
        update(ROOMS)
        .where(
            ROOMS.c.id == room.id,
            ROOMS.c.tenant_id == room.tenant_id,
            ROOMS.c.epoch == room.epoch,
            ROOMS.c.state == RoomState.LIVE,
        )
        .values(epoch=ROOMS.c.epoch + 1, pod_id=pod_id, spool_id=spool_id)
        .returning(ROOMS.c.epoch)
    )
    return epoch


def next_order(connection: Connection, room: LockedRoom) -> int:
    """A number greater than any that was given out for the room before."""
    number: int = connection.execute(
        update(ROOMS)
        .where(ROOMS.c.id == room.id, ROOMS.c.tenant_id == room.tenant_id)
        .values(orders=ROOMS.c.orders + 1)
        .returning(ROOMS.c.orders)
    ).scalar_one()
    return number
