"""What was measured: rooms' histories out of their logs, and samples of connection quality."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, delete, func, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from infra.contract.commands import QualitySample
from infra.contract.history import KINDS, Entry, History, PersonRow, facts
from infra.contract.ids import ParticipantId, PodId, RoomId, TenantId
from infra.contract.roles import Role
from infra.contract.statistics import RoomFacts
from infra.contract.views import RoomState, RoomView
from infra.db import tables

_TABLES = tables.Room.metadata.tables
ROOMS = _TABLES["rooms"]
EVENTS = _TABLES["room_events"]
PARTICIPANTS = _TABLES["participants"]
MESSAGES = _TABLES["chat_messages"]
SAMPLES = _TABLES["quality_samples"]


def of_room(connection: Connection, room: RoomView, now: datetime) -> RoomFacts:
    """Two statements, however long the log."""
    history = History()
    for entry in log(connection, room, 0):
        history.see(entry)
    return facts(history, room, people(connection, room), now=now)


def log(connection: Connection, room: RoomView, after_seq: int) -> list[Entry]:
    """Of the room's log after this, what its history is made of."""
    on_sqlite = connection.dialect.name == "sqlite"
    rows = connection.execute(
        select(EVENTS.c.seq, EVENTS.c.kind, EVENTS.c.at, *_looked_at(on_sqlite))
        .where(
            EVENTS.c.room_id == room.id,
            EVENTS.c.tenant_id == room.tenant_id,
            EVENTS.c.seq > after_seq,
            EVENTS.c.kind.in_(KINDS),
        )
        .order_by(EVENTS.c.seq)
    )
    ids: dict[str | None, ParticipantId | None] = {None: None}
    entries: list[Entry] = []
    for seq, kind, at, *found in rows:
        who, whose, left_at, source, state, started_at = (
            json.loads(found[0]) if on_sqlite else found
        )
        who = who or whose
        if who not in ids:
            ids[who] = ParticipantId(UUID(who))
        entries.append(
            Entry(
                seq,
                kind,
                at,
                ids[who],
                datetime.fromisoformat(left_at) if left_at else None,
                source,
                state,
                datetime.fromisoformat(started_at) if started_at else None,
            )
        )
    return entries


_PLACES = (
    ("participant", "id"),
    ("track", "participant_id"),
    ("participant", "left_at"),
    ("track", "source"),
    ("room", "state"),
    ("room", "started_at"),
)
"Where in an event's data stands what is looked at."


def _looked_at(on_sqlite: bool) -> list[Any]:
    """Columns; on SQLite one, a JSON list, since it reads the whole text for each it is asked."""
    if on_sqlite:
        return [func.json_extract(EVENTS.c.data, *(f"$.{a}.{b}" for a, b in _PLACES))]
    return [EVENTS.c.data[a][b].as_string() for a, b in _PLACES]


def people(connection: Connection, room: RoomView) -> list[PersonRow]:
    """Seats somebody sat in, oldest first, also of those that were taken away since."""
    said = (
        select(MESSAGES.c.participant_id, func.count().label("messages"))
        .where(MESSAGES.c.room_id == room.id, MESSAGES.c.deleted_at.is_(None))
        .group_by(MESSAGES.c.participant_id)
        .subquery()
    )
    graded = (
        select(
            SAMPLES.c.participant_id,
            func.sum(SAMPLES.c.lasted_s).label("seconds"),
            func.sum(SAMPLES.c.quality * SAMPLES.c.lasted_s).label("grades"),
        )
        .where(SAMPLES.c.room_id == room.id, SAMPLES.c.quality.is_not(None))
        .group_by(SAMPLES.c.participant_id)
        .subquery()
    )
    seats = PARTICIPANTS.c
    rows = connection.execute(
        select(
            seats.id,
            seats.external_user_id,
            seats.display_name,
            seats.role,
            said.c.messages,
            graded.c.seconds,
            graded.c.grades,
        )
        .outerjoin(said, said.c.participant_id == seats.id)
        .outerjoin(graded, graded.c.participant_id == seats.id)
        .where(
            seats.room_id == room.id,
            seats.tenant_id == room.tenant_id,
            or_(seats.joined_at.is_not(None), said.c.messages.is_not(None)),
        )
        .order_by(seats.id)
    )
    return [
        PersonRow(
            participant_id=ParticipantId(seat),
            user_id=user,
            name=name,
            role=Role(role),
            messages=messages or 0,
            graded_s=float(seconds or 0.0),
            grades=float(grades or 0.0),
        )
        for seat, user, name, role, messages, seconds, grades in rows
    ]


def keep(connection: Connection, room_id: RoomId, samples: Sequence[QualitySample]) -> None:
    """A stretch that is there already stays as it is."""
    postgres = connection.dialect.name == "postgresql"
    into: Any = (postgresql if postgres else sqlite).insert(SAMPLES)
    connection.execute(
        into.on_conflict_do_nothing(),
        [
            {
                "room_id": room_id,
                **sample.model_dump(),
                "lasted_s": (sample.until_at - sample.from_at).total_seconds(),
                "quality": sample.quality,
            }
            for sample in samples
        ],
    )


def forget(connection: Connection, *, before: datetime, limit: int) -> int:
    """Drop up to `limit` samples older than that; how many there were."""
    key = tuple_(SAMPLES.c.room_id, SAMPLES.c.participant_id, SAMPLES.c.from_at)
    old = (
        select(SAMPLES.c.room_id, SAMPLES.c.participant_id, SAMPLES.c.from_at)
        .where(SAMPLES.c.until_at < before)
        .limit(limit)
    )
    return connection.execute(delete(SAMPLES).where(key.in_(old))).rowcount


def holder(connection: Connection, room_id: RoomId) -> tuple[PodId | None, int] | None:
    """Who holds the room, and under which epoch; None for the pod: nobody has since that epoch."""
    row = connection.execute(
        select(ROOMS.c.pod_id, ROOMS.c.epoch).where(
            ROOMS.c.id == room_id, ROOMS.c.deleted_at.is_(None)
        )
    ).one_or_none()
    return (row.pod_id, row.epoch) if row else None


@dataclass(frozen=True, slots=True)
class TenantCounts:
    meetings: int
    "Rooms that were not deleted."
    live: tuple[RoomId, ...]
    people: int
    "In live rooms now."
    quality: float | None
    "Mean of the last grade of each of them who has one."


def of_tenant(connection: Connection, tenant_id: TenantId) -> TenantCounts:
    kept = (ROOMS.c.tenant_id == tenant_id, ROOMS.c.deleted_at.is_(None))
    meetings = connection.execute(select(func.count()).where(*kept)).scalar_one()
    live = connection.scalars(select(ROOMS.c.id).where(*kept, ROOMS.c.state == RoomState.LIVE))
    here = and_(
        PARTICIPANTS.c.room_id == ROOMS.c.id,
        PARTICIPANTS.c.joined_at.is_not(None),
        PARTICIPANTS.c.left_at.is_(None),
    )
    last = (
        select(SAMPLES.c.quality)
        .where(
            SAMPLES.c.room_id == PARTICIPANTS.c.room_id,
            SAMPLES.c.participant_id == PARTICIPANTS.c.id,
            SAMPLES.c.quality.is_not(None),
        )
        .order_by(SAMPLES.c.from_at.desc())
        .limit(1)
        .correlate(PARTICIPANTS)
        .scalar_subquery()
    )
    people, quality = connection.execute(
        select(func.count(), func.avg(last))
        .select_from(ROOMS)
        .join(PARTICIPANTS, here)
        .where(*kept, ROOMS.c.state == RoomState.LIVE)
    ).one()
    return TenantCounts(
        meetings=meetings,
        live=tuple(RoomId(room) for room in live),
        people=people,
        quality=None if quality is None else float(quality),
    )
