from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from infra.contract.ids import JobId, ParticipantId, RoomId, new_id
from infra.contract.views import Invitation, ParticipantView, Role, RoomState, RoomView
from infra.db import participants, rooms
from infra.db.tables import Job
from infra.settings import settings
from tests.support.house import NOON, House
from tests.support.mail import Sink, mailing
from workers.labour import labour
from workers.mail import send as _send  # noqa: F401 - registers what does its jobs

_jobs = Job.__table__  # type: ignore[attr-defined]

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class PostOffice:
    """A house whose letters go to `sink`."""

    def __init__(self, house: House, sink: Sink) -> None:
        self.house = house
        self.sink = sink
        self.tools = house.tools

    def meeting(self, **fields: Any) -> RoomView:
        """A planned room; what its row does not say of it, only the view does."""
        room = self.house.room(self.house.tenant(), "Algebra")
        planned = {
            "state": RoomState.SCHEDULED,
            "starts_at": NOON + timedelta(days=1),
            "ends_at": NOON + timedelta(days=1, hours=1),
            **fields,
        }
        return self.house.seen(room).model_copy(update=planned)

    def seat(
        self, room: RoomView, email: str | None = "ann@school.example", **fields: Any
    ) -> ParticipantView:
        seat = ParticipantView(
            id=ParticipantId(new_id()),
            room_id=room.id,
            tenant_id=room.tenant_id,
            external_user_id=None,
            display_name=fields.pop("display_name", "Ann Lee"),
            role=Role.ATTENDEE,
            joined_at=None,
            left_at=None,
            created_at=NOON,
            email=email,
            invited_at=NOON,
            **fields,
        )
        with self.house.begin() as work:
            participants.insert(work.connection, seat)
        return seat

    def invitation_of(self, seat: ParticipantView) -> Invitation | None:
        with self.house.engine.connect() as connection:
            seen = participants.get(connection, seat.tenant_id, seat.room_id, seat.id)
        assert seen is not None
        return seen.invitation

    def jobs(self) -> list[Any]:
        with self.house.engine.connect() as connection:
            return list(connection.execute(select(_jobs).order_by(_jobs.c.created_at, _jobs.c.id)))

    def wait_s(self) -> list[int]:
        """Seconds until each queued job is due, from when it was put off."""
        return [
            round((job.available_at - job.updated_at).total_seconds())
            for job in self.jobs()
            if job.state == "queued"
        ]

    def work(self) -> None:
        """Every job there is now is tried, whenever it is due."""
        with self.house.engine.begin() as connection:
            connection.execute(update(_jobs).values(available_at=LONG_AGO, lease_until=LONG_AGO))
        for job in self.jobs():
            labour(JobId(job.id), self.tools)

    def cancel(self, room_id: RoomId) -> None:
        with self.house.begin() as work:
            work.connection.execute(
                update(rooms.ROOMS).where(rooms.ROOMS.c.id == room_id).values(state="cancelled")
            )


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink().start()
    yield made
    made.close()


@pytest.fixture
def office(
    engine: Engine,
    redis_url: str,
    sink: Sink,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[PostOffice]:
    house = House(engine, redis_url)
    made = PostOffice(house, sink)
    made.tools = dataclasses.replace(
        house.tools,
        settings=mailing(
            monkeypatch, sink.url, home=tmp_path, public_url="https://meet.school.example"
        ),
    )
    yield made
    house.redis.close()
    monkeypatch.undo()
    settings.cache_clear()
