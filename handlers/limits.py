"""How much somebody may ask for in a minute, over all handlers together."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute, WindowStats
from limits.aio.storage import RedisStorage
from limits.aio.storage.base import SlidingWindowCounterSupport, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import RedisError

from infra.bus.keys import PREFIX
from infra.bus.together import Together
from infra.telemetry.metrics import UNCOUNTED_REQUESTS

log = structlog.get_logger(__name__)

REDIS_TIMEOUT_S = 0.25
"Seconds a request waits for its count."
BLIND_S = 1.0
"Seconds nothing is counted after a failure, so that an outage does not slow each request down."


STATS_S = 1.0
"Seconds the headers go by this process's own count, which saves each request a round trip."
KNOWN = 10_000
"Tenants and addresses whose count is remembered."


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to somebody, as the X-RateLimit headers say it."""

    limit: int
    remaining: int
    reset_at: int
    "Unix seconds from which on there is more."
    retry_s: int
    "The same, in seconds from now."
    allowed: bool

    @property
    def headers(self) -> dict[str, str]:
        said = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_at),
        }
        if not self.allowed:
            said["Retry-After"] = str(max(1, self.retry_s))
        return said


@dataclass(frozen=True, slots=True)
class Rate:
    """Whose requests are counted together, and how many of them a minute has."""

    whom: str
    per_minute: int


class RateLimit:
    """Sliding windows a minute long. Lets everything through while Redis is away."""

    def __init__(
        self,
        storage: Storage,
        per_minute: int,
        *,
        scale: float = 1.0,
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`storage` must be one that counts sliding windows. `per_minute` is for whom no dialect
        has a rate of its own; 0: nobody is limited, in any dialect. `scale` multiplies all."""
        assert isinstance(storage, SlidingWindowCounterSupport)
        self._windows = SlidingWindowCounterRateLimiter(storage)
        self.per_minute = per_minute
        self._scale = scale
        self._items: dict[int, RateLimitItem] = {}
        self._known: dict[str, tuple[WindowStats, float]] = {}
        self._blind_until = 0.0
        self._close = close

    @classmethod
    def on_redis(cls, url: str, per_minute: int, scale: float = 1.0) -> RateLimit:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=16,
            timeout=REDIS_TIMEOUT_S,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
        )
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=f"{PREFIX}:limit",
            connection_pool=pool,  # type: ignore[arg-type]
        )
        # Its scripts travel with whatever else is asked in the same moment.
        storage.bridge.storage = Together(connection_pool=pool)  # type: ignore[attr-defined]
        storage.bridge.register_scripts()
        return cls(storage, per_minute, scale=scale, close=pool.aclose)

    async def close(self) -> None:
        if self._close is not None:
            await self._close()

    @property
    def is_blind(self) -> bool:
        """Nothing is being counted just now."""
        return time.monotonic() < self._blind_until

    async def hit(self, rate: Rate) -> Allowance | None:
        """Count one request of theirs. None: not counted."""
        if not self.per_minute:
            return None
        item = self._items.get(rate.per_minute)
        if item is None:
            amount = max(1, round(rate.per_minute * self._scale))
            item = self._items[rate.per_minute] = RateLimitItemPerMinute(amount)
        if self.is_blind:
            UNCOUNTED_REQUESTS.inc()
            return None
        try:
            allowed = await self._windows.hit(item, rate.whom)
            left = await self._left(item, rate.whom, ask=not allowed)
        except (RedisError, OSError, TimeoutError) as error:
            UNCOUNTED_REQUESTS.inc()
            if not self._blind_until:
                log.warning("rate_limit.uncounted", error=type(error).__name__)
            self._blind_until = time.monotonic() + BLIND_S
            return None
        self._blind_until = 0.0
        return Allowance(
            limit=item.amount,
            remaining=left.remaining,
            reset_at=math.ceil(left.reset_time),
            retry_s=max(0, math.ceil(left.reset_time - time.time())),
            allowed=allowed,
        )

    async def _left(self, item: RateLimitItem, who: str, *, ask: bool) -> WindowStats:
        """What is left to them. Asked of Redis at most once a second and counted down between:
        what other handlers let through meanwhile shows a second late."""
        known, asked_at = self._known.get(who, (None, 0.0))
        if known is None or ask or time.monotonic() >= asked_at + STATS_S:
            known, asked_at = await self._windows.get_window_stats(item, who), time.monotonic()
            if known.remaining < item.amount and known.reset_time <= time.time():
                # A window that began this moment: `limits` takes its whole length for none of it.
                known = known._replace(reset_time=known.reset_time + item.get_expiry())
        else:
            known = known._replace(remaining=max(0, known.remaining - 1))
        if len(self._known) >= KNOWN:
            self._known.clear()
        self._known[who] = (known, asked_at)
        return known
