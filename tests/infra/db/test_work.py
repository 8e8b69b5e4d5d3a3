from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select

from infra.contract.events import RoomMoved
from infra.contract.ids import PodId, RoomId, TenantId, new_id
from infra.contract.live import DropRoom
from infra.db.tables import OutboxEntry, Room, RoomLogEntry, Tenant
from infra.db.work import SENT_BY_ITSELF_WITHIN, Left, begin

NOW = datetime(2026, 11, 1, 12, 30, 15, 123456, tzinfo=UTC)

_outbox = OutboxEntry.__table__  # type: ignore[attr-defined]
_rooms = Room.__table__  # type: ignore[attr-defined]
_log = RoomLogEntry.__table__  # type: ignore[attr-defined]
_tenants = Tenant.__table__  # type: ignore[attr-defined]

TENANT = TenantId(new_id())
ROOM = RoomId(new_id())


@pytest.fixture
def room(engine: Engine) -> RoomId:
    with engine.begin() as connection:
        connection.execute(
            insert(_tenants),
            {
                "id": TENANT,
                "name": "t",
                "config": {},
                "max_concurrent_rooms": 1,
                "max_recording_duration_minutes": 1,
                "is_active": True,
                "created_at": NOW,
                "updated_at": NOW,
            },
        )
        connection.execute(
            insert(_rooms),
            {
                "id": ROOM,
                "tenant_id": TENANT,
                "name": "r",
                "config": {},
                "meta": {},
                "state": "live",
                "epoch": 0,
                "seq": 0,
                "version": 1,
                "created_at": NOW,
                "updated_at": NOW,
            },
        )
    return ROOM


def test_events_of_a_room_are_numbered_without_gaps(engine: Engine, room: RoomId) -> None:
    for _ in range(2):
        with begin(engine, now=NOW) as work:
            work.event(room, TENANT, "room.updated", {"room": 1})
            work.event(room, TENANT, "room.updated", {"room": 2})
    with pytest.raises(ZeroDivisionError), begin(engine, now=NOW) as work:
        work.event(room, TENANT, "room.updated", {"room": 3})
        raise ZeroDivisionError
    with begin(engine, now=NOW) as work:
        last = work.event(room, TENANT, "room.updated", {"room": 4})

    with engine.connect() as connection:
        rows = connection.execute(select(_log).order_by(_log.c.seq)).all()
    assert last == 5
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0].at == NOW


def test_another_tenants_room_gets_no_event(engine: Engine, room: RoomId) -> None:
    with pytest.raises(LookupError), begin(engine, now=NOW) as work:
        work.event(room, TenantId(new_id()), "room.updated", {})


def test_what_a_unit_left_is_sent_after_its_commit_and_in_order(
    engine: Engine, room: RoomId
) -> None:
    committed_when_sent: list[bool] = []
    topics: list[str] = []

    def send(left: Sequence[Left]) -> None:
        with engine.connect() as connection:
            committed_when_sent.append(connection.execute(select(_log)).first() is not None)
        topics.extend(entry.topic for entry in left)

    with begin(engine, now=NOW, send=send) as work:
        work.event(room, TENANT, "room.updated", {})
        work.order(PodId(new_id()), DropRoom(room_id=room, epoch=1))
        work.signal(room, RoomMoved(room_id=room, epoch=2))

    assert committed_when_sent == [True]
    assert topics == ["room", "order", "room"]


def test_a_unit_that_fails_leaves_nothing_to_send(engine: Engine, room: RoomId) -> None:
    sent: list[Left] = []

    with pytest.raises(ZeroDivisionError), begin(engine, now=NOW, send=sent.extend) as work:
        work.signal(room, RoomMoved(room_id=room, epoch=2))
        raise ZeroDivisionError

    assert sent == []
    with engine.connect() as connection:
        assert connection.execute(select(_outbox)).all() == []


def test_what_is_being_sent_is_left_to_its_worker_for_a_while(engine: Engine, room: RoomId) -> None:
    with begin(engine, now=NOW, send=lambda left: None) as work:
        work.signal(room, RoomMoved(room_id=room, epoch=2))
    with begin(engine, now=NOW) as work:
        work.signal(room, RoomMoved(room_id=room, epoch=3))

    with engine.connect() as connection:
        times = connection.execute(select(_outbox.c.available_at)).scalars().all()
    assert sorted(times) == [NOW, NOW + SENT_BY_ITSELF_WITHIN]


def test_a_time_without_a_zone_is_not_stored(engine: Engine, room: RoomId) -> None:
    with pytest.raises(Exception, match="without a zone"), engine.begin() as connection:
        connection.execute(_rooms.update().values(updated_at=datetime(2026, 1, 1)))


def test_times_come_back_as_the_utc_they_were(engine: Engine, room: RoomId) -> None:
    with engine.connect() as connection:
        found = connection.execute(select(_rooms.c.created_at)).scalar_one()

    assert found == NOW
    assert found.utcoffset() == timedelta(0)
