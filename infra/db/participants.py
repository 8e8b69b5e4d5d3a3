"""Seats, and who sits in them. Through what they are there is in `connections.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy import insert as insert_row

from infra.contract.ids import ParticipantId, RoomId, TenantId
from infra.contract.views import Admission, Invitation, ParticipantView, Role
from infra.db.tables import Participant
from infra.db.upsert import insert_new

_TABLES = Participant.metadata.tables
PARTICIPANTS = _TABLES["participants"]

SEAT_HELD_FOR = timedelta(seconds=120)
"A seat given out and not yet used keeps its place this long; longer: no-shows fill up rooms."

_PRESENT = and_(PARTICIPANTS.c.joined_at.is_not(None), PARTICIPANTS.c.left_at.is_(None))
_WAITING = PARTICIPANTS.c.admission == literal_column(f"'{Admission.WAITING.value}'")
"As the index has it: SQLite compares the words, not what stands for them."
_UNUSED = or_(PARTICIPANTS.c.joined_at.is_(None), PARTICIPANTS.c.held_at > PARTICIPANTS.c.left_at)
"What was held was not used since."
_ENTITLED = or_(
    PARTICIPANTS.c.held_at.is_not(None),
    PARTICIPANTS.c.invited_at.is_not(None),
    PARTICIPANTS.c.admission == Admission.ADMITTED,
)
"Not only asked to be let in."


def _taken(now: datetime) -> Any:
    """People who are there, and seats just given out whose owner is on the way."""
    return and_(
        PARTICIPANTS.c.removed_at.is_(None),
        or_(_PRESENT, and_(PARTICIPANTS.c.held_at > now - SEAT_HELD_FOR, _UNUSED)),
    )


def view(row: Row[Any]) -> ParticipantView:
    return ParticipantView(
        id=row.id,
        room_id=row.room_id,
        tenant_id=row.tenant_id,
        external_user_id=row.external_user_id,
        display_name=row.display_name,
        role=Role(row.role),
        joined_at=row.joined_at,
        left_at=row.left_at,
        created_at=row.created_at,
        email=row.email,
        phone=row.phone,
        granted=row.granted,
        invited_at=row.invited_at,
        invitation=Invitation(row.invitation) if row.invitation else None,
        admission=Admission(row.admission) if row.admission else None,
        held_at=row.held_at,
        asked_at=row.asked_at,
    )


def _columns(seat: ParticipantView) -> dict[str, Any]:
    """All that is written with the room locked, except being taken away."""
    return {
        "external_user_id": seat.external_user_id,
        "display_name": seat.display_name,
        "role": seat.role.value,
        "joined_at": seat.joined_at,
        "left_at": seat.left_at,
        "email": seat.email,
        "phone": seat.phone,
        "granted": {permission.value: may for permission, may in seat.granted.items()},
        "invited_at": seat.invited_at,
        "admission": seat.admission.value if seat.admission else None,
        "held_at": seat.held_at,
        "asked_at": seat.asked_at,
    }


def seats_of(tenant_id: TenantId, room_id: RoomId) -> Select[Any]:
    return select(PARTICIPANTS).where(
        PARTICIPANTS.c.room_id == room_id, PARTICIPANTS.c.tenant_id == tenant_id
    )


# --- reading ---


def get(
    connection: Connection, tenant_id: TenantId, room_id: RoomId, participant_id: ParticipantId
) -> ParticipantView | None:
    """A seat that was not taken away."""
    row = connection.execute(
        seats_of(tenant_id, room_id).where(
            PARTICIPANTS.c.id == participant_id, PARTICIPANTS.c.removed_at.is_(None)
        )
    ).one_or_none()
    return view(row) if row else None


def in_room(
    connection: Connection, tenant_id: TenantId, room_id: RoomId, *, active: bool = False
) -> list[ParticipantView]:
    """Every seat that was not taken away unused, oldest first; `active`: who is there now.

    Who was never let in is not among them: see `waiting`.
    """
    seats = seats_of(tenant_id, room_id).where(
        or_(PARTICIPANTS.c.removed_at.is_(None), PARTICIPANTS.c.joined_at.is_not(None)), _ENTITLED
    )
    if active:
        seats = seats.where(_PRESENT)
    return [view(row) for row in connection.execute(seats.order_by(PARTICIPANTS.c.id))]


def standing(connection: Connection, tenant_id: TenantId, room_id: RoomId) -> list[ParticipantView]:
    """Every seat that was not taken away, also of who has only asked to be let in."""
    seats = seats_of(tenant_id, room_id).where(PARTICIPANTS.c.removed_at.is_(None))
    return [view(row) for row in connection.execute(seats.order_by(PARTICIPANTS.c.id))]


def kept(connection: Connection, tenant_id: TenantId, room_id: RoomId) -> list[ParticipantView]:
    """As `in_room`, without the seats that were taken away since."""
    seats = seats_of(tenant_id, room_id).where(PARTICIPANTS.c.removed_at.is_(None), _ENTITLED)
    return [view(row) for row in connection.execute(seats.order_by(PARTICIPANTS.c.id))]


def invited_users(connection: Connection, tenant_id: TenantId, room_id: RoomId) -> list[str]:
    """The users a seat is kept for because they were asked, in the order they were."""
    rows = connection.scalars(
        select(PARTICIPANTS.c.external_user_id)
        .where(
            PARTICIPANTS.c.room_id == room_id,
            PARTICIPANTS.c.tenant_id == tenant_id,
            PARTICIPANTS.c.external_user_id.is_not(None),
            PARTICIPANTS.c.invited_at.is_not(None),
            PARTICIPANTS.c.removed_at.is_(None),
        )
        .order_by(PARTICIPANTS.c.id)
    )
    return list(rows)


def is_entitled(seat: ParticipantView) -> bool:
    """Its owner was invited or let in, and has not only asked to be."""
    return (
        seat.held_at is not None
        or seat.invited_at is not None
        or seat.admission is Admission.ADMITTED
    )


def seat_of(
    connection: Connection, tenant_id: TenantId, room_id: RoomId, user_id: str
) -> ParticipantView | None:
    """The newest seat of this person that was not taken away."""
    row = connection.execute(
        seats_of(tenant_id, room_id)
        .where(
            PARTICIPANTS.c.external_user_id == user_id,
            PARTICIPANTS.c.removed_at.is_(None),
        )
        .order_by(PARTICIPANTS.c.id.desc())
        .limit(1)
    ).one_or_none()
    return view(row) if row else None


def waiting(connection: Connection, tenant_id: TenantId, room_id: RoomId) -> list[ParticipantView]:
    """Who waits to be let in, in the order they asked."""
    rows = connection.execute(
        seats_of(tenant_id, room_id)
        .where(_WAITING, PARTICIPANTS.c.removed_at.is_(None))
        .order_by(PARTICIPANTS.c.asked_at, PARTICIPANTS.c.id)
    )
    return [view(row) for row in rows]


def is_taken(seat: ParticipantView, now: datetime) -> bool:
    """Its owner is there, or on the way."""
    if seat.joined_at is not None and seat.left_at is None:
        return True
    if seat.held_at is None or seat.held_at <= now - SEAT_HELD_FOR:
        return False
    return seat.left_at is None or seat.held_at > seat.left_at


def count_taken(
    connection: Connection,
    tenant_id: TenantId,
    room_id: RoomId,
    now: datetime,
    *,
    but: ParticipantId | None = None,
) -> int:
    """Seats that count towards the room's capacity, leaving `but` out."""
    counted = select(func.count()).where(
        PARTICIPANTS.c.room_id == room_id, PARTICIPANTS.c.tenant_id == tenant_id, _taken(now)
    )
    if but is not None:
        counted = counted.where(PARTICIPANTS.c.id != but)
    return connection.execute(counted).scalar_one()


def is_anybody_in(connection: Connection, tenant_id: TenantId, room_id: RoomId) -> bool:
    return (
        connection.execute(seats_of(tenant_id, room_id).where(_PRESENT).limit(1)).first()
        is not None
    )


def anybody_since(
    connection: Connection, tenant_id: TenantId, room_id: RoomId, at: datetime | None
) -> bool:
    """A seat was given out since then, or somebody is there."""
    since = _PRESENT if at is None else or_(_PRESENT, PARTICIPANTS.c.held_at >= at)
    return (
        connection.execute(
            seats_of(tenant_id, room_id).where(PARTICIPANTS.c.removed_at.is_(None), since).limit(1)
        ).first()
        is not None
    )


def kept_for_addresses(connection: Connection, room_id: RoomId) -> list[tuple[ParticipantId, str]]:
    """Seats of the locked room for people who were invited by an e-mail address and are no known
    user yet, the oldest first, and the address."""
    rows = connection.execute(
        select(PARTICIPANTS.c.id, PARTICIPANTS.c.email)
        .where(
            PARTICIPANTS.c.room_id == room_id,
            PARTICIPANTS.c.external_user_id.is_(None),
            PARTICIPANTS.c.invited_at.is_not(None),
            PARTICIPANTS.c.email.is_not(None),
            PARTICIPANTS.c.removed_at.is_(None),
        )
        .order_by(PARTICIPANTS.c.id)
    )
    return [(ParticipantId(row.id), row.email) for row in rows]


def removed(
    connection: Connection, tenant_id: TenantId, room_id: RoomId, limit: int
) -> tuple[ParticipantId, ...]:
    """Seats taken away, the latest `limit` of them."""
    rows = connection.scalars(
        select(PARTICIPANTS.c.id)
        .where(
            PARTICIPANTS.c.room_id == room_id,
            PARTICIPANTS.c.tenant_id == tenant_id,
            PARTICIPANTS.c.removed_at.is_not(None),
        )
        .order_by(PARTICIPANTS.c.removed_at.desc())
        .limit(limit)
    )
    return tuple(ParticipantId(seat) for seat in rows)


# --- writing, with the room locked ---


def insert(connection: Connection, seat: ParticipantView) -> bool:
    """False when the id is taken."""
    return insert_new(connection, PARTICIPANTS, **_keys(seat), **_columns(seat))


def insert_all(connection: Connection, seats: Sequence[ParticipantView]) -> None:
    """Their ids must be new."""
    if seats:
        rows = [{**_keys(seat), **_columns(seat)} for seat in seats]
        connection.execute(insert_row(PARTICIPANTS), rows)


def _keys(seat: ParticipantView) -> dict[str, Any]:
    """What is written once, or by others than `save`."""
    return {
        "id": seat.id,
        "room_id": seat.room_id,
        "tenant_id": seat.tenant_id,
        "created_at": seat.created_at,
        "invitation": seat.invitation.value if seat.invitation else None,
    }


def save(connection: Connection, seat: ParticipantView) -> None:
    """Write back everything that may change, except being taken away and what became of letters:
    that is written without the room's lock, by `mark_invitations`."""
    connection.execute(
        update(PARTICIPANTS)
        .where(PARTICIPANTS.c.id == seat.id, PARTICIPANTS.c.tenant_id == seat.tenant_id)
        .values(**_columns(seat))
    )


def save_all(connection: Connection, seats: Sequence[ParticipantView]) -> None:
    """As `save`."""
    if seats:
        rows = [{"seat_id": seat.id, **_columns(seat)} for seat in seats]
        connection.execute(
            update(PARTICIPANTS).where(PARTICIPANTS.c.id == bindparam("seat_id")), rows
        )


def mark_invitations(
    connection: Connection, participant_ids: Sequence[ParticipantId], invitation: Invitation
) -> None:
    """How far the last e-mail to them got."""
    if participant_ids:
        connection.execute(
            update(PARTICIPANTS)
            .where(PARTICIPANTS.c.id.in_(participant_ids))
            .values(invitation=invitation.value)
        )


def close_doors(connection: Connection, room_id: RoomId, now: datetime) -> None:
    """The session is over: what was decided about who may come in holds no longer, and nobody is on
    the way to it."""
    too_late = now - SEAT_HELD_FOR
    connection.execute(
        update(PARTICIPANTS)
        .where(PARTICIPANTS.c.room_id == room_id, PARTICIPANTS.c.held_at > too_late)
        .values(held_at=too_late)
    )
    connection.execute(
        update(PARTICIPANTS)
        .where(PARTICIPANTS.c.room_id == room_id, PARTICIPANTS.c.admission.is_not(None))
        .values(admission=None)
    )


def mark_removed(connection: Connection, seats: Sequence[ParticipantView], now: datetime) -> None:
    """Seats of one room."""
    if seats:
        connection.execute(
            update(PARTICIPANTS)
            .where(PARTICIPANTS.c.id.in_([seat.id for seat in seats]))
            .values(removed_at=now)
        )
