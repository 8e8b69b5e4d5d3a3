"""One unit of work: a transaction, and what it leaves to be sent once it is true."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Engine, insert, update

from infra.contract.events import RoomEvent, Signal
from infra.contract.ids import CommandId, JobId, PodId, RoomId, TenantId, new_id
from infra.contract.messages import Envelope, LiveCommand
from infra.contract.views import RoomView
from infra.contract.webhooks import NAMES as WEBHOOKS
from infra.db import deliveries
from infra.db.tables import OutboxEntry, Room, RoomLogEntry

Topic = Literal["room", "stamp", "bell", "order", "knock"]

SENT_BY_ITSELF_WITHIN = timedelta(seconds=2)
"""How long the relay leaves entries alone that their own worker is about to send. Longer: a crash
between commit and send is felt longer; shorter: a slow send is sent twice."""

_outbox = OutboxEntry.__table__  # type: ignore[attr-defined]
_rooms = Room.__table__  # type: ignore[attr-defined]
_log = RoomLogEntry.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Left:
    """A message that goes out if, and only if, the transaction that left it was committed."""

    id: UUID
    topic: Topic
    key: str
    payload: dict[str, Any]


Send = Callable[[Sequence[Left]], None]
"""Sends entries and removes their rows. Does not raise when nobody can be reached: what was not
sent stays in the table for the relay."""


class Work:
    """What an owner does its writing with. Everything of it is true together or not at all."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        "Core statements on `Table.__table__`; there is no ORM session."
        self.now = now
        "Aware UTC, the same for everything this unit writes."
        self.left: list[Left] = []
        self._touched: set[RoomId] = set()

    def touch(self, room_id: RoomId) -> None:
        """Something that is shown of the room may have changed: whoever remembers it forgets it.

        Writing an event or a signal does so too.
        """
        self._touched.add(room_id)

    def event(self, room_id: RoomId, tenant_id: TenantId, kind: str, data: dict[str, Any]) -> int:
        """Write the room's next event and have its listeners told. Returns the event's `seq`.

        `data` must be JSON. Raises LookupError for a room that is not there. Locks the room's row
        until the end of the unit, which is what keeps `seq` without gaps.
        """
        # Asked along with it, so that tenants without webhooks pay no statement for them.
        heard = [deliveries.anybody_hears(tenant_id)] if kind in WEBHOOKS else []
        bumped = (
            update(_rooms)
            .where(_rooms.c.id == room_id, _rooms.c.tenant_id == tenant_id)
            .values(seq=_rooms.c.seq + 1)
            .returning(_rooms.c.seq, *heard)
        )
        row = self.connection.execute(bumped).one_or_none()
        if row is None:
            raise LookupError(f"no room {room_id} to write an event for")
        seq = int(row[0])
        event = RoomEvent(
            room_id=room_id, tenant_id=tenant_id, seq=seq, kind=kind, at=self.now, data=data
        )
        self.connection.execute(
            insert(_log),
            {
                "room_id": room_id,
                "seq": seq,
                "tenant_id": tenant_id,
                "kind": kind,
                "data": data,
                "at": self.now,
            },
        )
        self._leave("room", str(room_id), {"type": "event", "body": event.model_dump(mode="json")})
        if any(row[1:]) and deliveries.leave(self.connection, event):
            self.knock(deliveries.QUEUE)
        return seq

    def born(self, room: RoomView) -> None:
        """Have webhooks told of a room that was made live. Its log begins with what comes next."""
        data = {"room": room.model_dump(mode="json")}
        started = RoomEvent(
            room_id=room.id,
            tenant_id=room.tenant_id,
            seq=0,
            kind="room.started",
            at=self.now,
            data=data,
        )
        if deliveries.leave(self.connection, started):
            self.knock(deliveries.QUEUE)

    def signal(self, room_id: RoomId, signal: Signal) -> None:
        """Tell the room's listeners of now."""
        body = {"type": "signal", "body": signal.model_dump(mode="json")}
        self._leave("room", str(room_id), body)

    def ring(self, job_id: JobId, queue: str) -> None:
        """Have some worker of the queue look at the job."""
        self._leave("bell", queue, {"job_id": str(job_id)})

    def knock(self, queue: str) -> None:
        """Have the workers of the queue look at once for what is due. Once a unit is enough."""
        if not any(left.topic == "knock" and left.key == queue for left in self.left):
            self._leave("knock", queue, {})

    def order(self, pod_id: PodId, command: LiveCommand[Any]) -> None:
        """Have the pod do this; nobody waits for its answer."""
        envelope = Envelope(
            command_id=CommandId(new_id()),
            kind=command.kind,
            body=command.model_dump(mode="json"),
        )
        self._leave("order", str(pod_id), envelope.model_dump(mode="json"))

    def _leave(self, topic: Topic, key: str, payload: dict[str, Any]) -> None:
        self.left.append(Left(new_id(), topic, key, payload))

    def write_left(self, *, available_at: datetime) -> None:
        """Called by `begin` as the last thing before the commit."""
        told = {entry.key for entry in self.left if entry.topic == "room"}
        for room_id in self._touched:
            if str(room_id) not in told:
                self._leave("stamp", str(room_id), {})
        if self.left:
            rows = [
                {
                    "id": entry.id,
                    "topic": entry.topic,
                    "key": entry.key,
                    "payload": entry.payload,
                    "available_at": available_at,
                    "tries": 0,
                }
                for entry in self.left
            ]
            self.connection.execute(insert(_outbox), rows)


@contextmanager
def begin(engine: Engine, *, now: datetime, send: Send | None = None) -> Iterator[Work]:
    """One transaction: committed on a clean exit, rolled back on an exception.

    What the work left goes out through `send` right after the commit; without `send`, and after
    a crash in between, the relay finds it within a second or two.
    """
    with engine.begin() as connection:
        work = Work(connection, now)
        yield work
        work.write_left(available_at=now + SENT_BY_ITSELF_WITHIN if send else now)
    if send is not None and work.left:
        send(work.left)
