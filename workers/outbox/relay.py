"""Sending what committed transactions left: at once by who left it, by the relay if that failed."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import redis
import structlog
from dramatiq import Message
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from infra.bus import keys
from infra.bus.broker import JOB_ACTOR, WakeRedisBroker
from infra.bus.redis import order_step
from infra.contract.ids import PodId, RoomId, new_id
from infra.contract.messages import Envelope
from infra.db.tables import OutboxEntry
from infra.db.work import Left, begin
from infra.telemetry.metrics import OUTBOX_RELAYED
from workers.owners import every
from workers.tools import Tools

AGAIN_AFTER = timedelta(seconds=2)
"How long one relay has for a batch before another may take it up."

_AT_ONCE = 100
_outbox = OutboxEntry.__table__  # type: ignore[attr-defined]

log = structlog.get_logger(__name__)


class Sender:
    """What `begin` calls after a commit. Whatever goes wrong is left to the relay."""

    def __init__(self, engine: Engine, client: redis.Redis, broker: WakeRedisBroker) -> None:
        self._engine = engine
        self._client = client
        self._broker = broker
        self._sent: deque[UUID] = deque()

    def __call__(self, entries: Sequence[Left]) -> None:
        try:
            deliver(entries, self._client, self._broker)
        except redis.RedisError as broken:
            log.warning("messages left to the relay", error=str(broken), count=len(entries))
            return
        self._sent.extend(entry.id for entry in entries)

    def forget_sent(self) -> None:
        """Remove the rows of what was sent. Called several times a second, so that a command does
        not cost two commits; what a crash leaves is sent again, which every listener bears."""
        sent = [self._sent.popleft() for _ in range(len(self._sent))]
        if not sent:
            return
        try:
            with self._engine.begin() as connection:
                connection.execute(delete(_outbox).where(_outbox.c.id.in_(sent)))
        except SQLAlchemyError as broken:
            log.warning("sent messages not removed yet", error=type(broken).__name__)
            self._sent.extend(sent)


def deliver(entries: Sequence[Left], client: redis.Redis, broker: WakeRedisBroker) -> None:
    """Send in the order given. Raises RedisError when some or all may not have gone out."""
    told = [entry for entry in entries if entry.topic != "bell"]
    if told:
        with client.pipeline(transaction=False) as pipe:
            for entry in told:
                if entry.topic == "knock":
                    pipe.publish(keys.knocks(entry.key), "")
                elif entry.topic in ("room", "stamp"):
                    room = RoomId(UUID(entry.key))
                    # A new one each time it is sent: an old one sent late would bring back the old.
                    pipe.set(keys.stamp(room), new_id().hex, ex=keys.STAMP_S)
                    if entry.topic == "room":
                        news = json.dumps(entry.payload, separators=(",", ":"))
                        pipe.publish(keys.signals(room), news)
                else:
                    order_step(PodId(UUID(entry.key)), Envelope.model_validate(entry.payload))(pipe)
            pipe.execute()
    for entry in entries:
        if entry.topic == "bell":
            broker.enqueue(bell(entry.key, entry.payload["job_id"]))


def bell(queue: str, job_id: str) -> Message[None]:
    return Message(queue_name=queue, actor_name=JOB_ACTOR, args=(job_id,), kwargs={}, options={})


@every(0.5)
def relay(tools: Tools) -> None:
    """Send what is overdue, oldest first. Each entry is one relay's for `AGAIN_AFTER`."""
    now = tools.now()
    due = (
        select(_outbox.c.id)
        .where(_outbox.c.available_at <= now)
        .order_by(_outbox.c.id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    with begin(tools.engine, now=now) as work:
        rows = work.connection.execute(
            update(_outbox)
            .where(_outbox.c.id.in_(due))
            .values(available_at=now + AGAIN_AFTER, tries=_outbox.c.tries + 1)
            .returning(_outbox.c.id, _outbox.c.topic, _outbox.c.key, _outbox.c.payload)
        ).all()
    if rows:
        OUTBOX_RELAYED.inc(len(rows))
        tools.send([Left(*row) for row in sorted(rows)])
