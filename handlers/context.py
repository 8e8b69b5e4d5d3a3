"""What a handler may reach. Made once a process in `app.py`, found on every connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from starlette.requests import HTTPConnection

from handlers.tokens import Tokens
from infra.bus.port import CommandBus, Feed, LiveState
from infra.db.reader import Reader
from infra.secrets import Secrets
from infra.settings import Settings
from infra.storage.port import ObjectStore

if TYPE_CHECKING:
    from handlers.issuers import Issuers
    from handlers.limits import RateLimit
    from handlers.operations.seen import Seen
    from handlers.operations.standing import Standing
    from handlers.sightings import Sightings


@dataclass(frozen=True)
class Context:
    bus: CommandBus
    feed: Feed
    live: LiveState
    reader: Reader
    store: ObjectStore
    settings: Settings
    now: Callable[[], datetime]
    "Aware UTC."
    tokens: Tokens
    secrets: Secrets
    standing: Standing
    "Who keys and seats belong to, remembered for a few seconds."
    issuers: Issuers
    "Checks tokens of the issuers that tenants trust."
    sightings: Sightings
    "Tells the directory of people seen in tokens."
    limit: RateLimit
    seen: Seen
    "What was read of rooms, remembered until it changes."


def context(conn: HTTPConnection) -> Context:
    return cast(Context, conn.state.context)
