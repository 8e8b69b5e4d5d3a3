"""How long Redis has been watched without a break.

What Redis does not know proves nothing while it may just have come back empty, or not been
reachable for those who keep telling it: everybody who lives says so again within seconds.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

import redis

from infra.bus import keys

WATCHED_SINCE = f"{keys.PREFIX}:watched_since"
"Milliseconds since 1970; gone when no sweep has looked for :data:`BREAK_MS`."

LOOK_EVERY_S = 1.0
BREAK_MS = 3_000
"""Shorter than any presence or pod's report lives on after it was last renewed, so that none runs
out unnoticed during an outage; longer than a few looks, so that a late one is no outage."""


def look(client: redis.Redis, now: datetime) -> float:
    """Look once more. Seconds since the first look without a break before it."""
    stamp = int(now.timestamp() * 1000)
    if not client.set(WATCHED_SINCE, stamp, nx=True, px=BREAK_MS):
        client.pexpire(WATCHED_SINCE, BREAK_MS)
    return since(client, now)


def since(client: redis.Redis, now: datetime) -> float:
    """Seconds watched until now; 0 when nobody is watching."""
    stamp = cast("bytes | None", client.get(WATCHED_SINCE))
    if stamp is None:
        return 0.0
    return max(0.0, now.timestamp() - int(stamp) / 1000)
