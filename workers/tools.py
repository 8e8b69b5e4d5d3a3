"""What an owner may reach."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import redis
from sqlalchemy import Engine

from infra.db.work import Send, Work, begin
from infra.settings import Settings
from infra.storage.port import ObjectStore


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Tools:
    engine: Engine
    redis: redis.Redis
    "Leases, reports, presence: the database of `infra/bus/keys.py`. Answers are bytes."
    store: ObjectStore
    settings: Settings
    send: Send
    "Delivers what a unit of work left; `begin` calls it."
    waiting: Callable[[str], int] = lambda queue: 0
    "How many messages of a queue nobody has fetched yet."
    now: Callable[[], datetime] = utc_now
    draining: threading.Event = field(default_factory=threading.Event)
    "Set when this worker was told to stop."

    def begin(self) -> AbstractContextManager[Work]:
        """A transaction whose messages go out as soon as it is committed."""
        return begin(self.engine, now=self.now(), send=self.send)
