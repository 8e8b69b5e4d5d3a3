"""Sends what is due, many at once, from one event loop in a thread of its own.

It looks when somebody knocks, when something it sent was answered, and once a second by itself.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import redis
import redis.asyncio
import structlog
from sqlalchemy.exc import SQLAlchemyError

from infra.bus import keys
from infra.bus.broker import open_async_redis
from infra.contract.ids import EndpointId
from infra.db.sending import Claimed
from infra.net import Outbound
from infra.secrets import Secrets
from workers.tools import Tools
from workers.webhooks import attempts

AT_ONCE = 256
"Attempts under way in one process. More: more hanging endpoints are borne; each has a connection."
AN_ENDPOINT = 8
"Attempts at one endpoint at once, of different rooms."
A_SILENT_ENDPOINT = 1
"The same, of one that did not answer last time: it is not to fill the places of all others."
LEASE_S = 30.0
"""Seconds a delivery is its sender's, more than an attempt may take. After a kill it is sent again
when they are over."""
LOOK_S = 1.0
"How often it looks unasked."
STOP_S = 16.0
"What is under way when it is told to stop may take this long; the rest is sent by another."
DB_THREADS = 4
_LISTEN_S = 1.0

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Courier:
    """`start()`, `stop()`."""

    def __init__(
        self,
        tools: Tools,
        secrets: Secrets,
        *,
        outbound: Outbound | None = None,
        lease_s: float = LEASE_S,
        look_s: float = LOOK_S,
    ) -> None:
        self._tools = tools
        self._secrets = secrets
        self._outbound = outbound or Outbound(tools.settings.allow_private_urls)
        self._lease_s = lease_s
        self._look_s = look_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._threads = ThreadPoolExecutor(DB_THREADS, thread_name_prefix="courier")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], EndpointId] = {}
        self._silent: set[EndpointId] = set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, and wait for what is under way."""
        self._over.set()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._look.set)
        self._thread.join()
        self._threads.shutdown()

    def _run(self) -> None:
        asyncio.run(self._work())

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        listening = asyncio.create_task(self._listen(), name="knocks")
        try:
            while not self._over.is_set():
                self._look.clear()
                try:
                    await self._take()
                except SQLAlchemyError as broken:
                    log.warning("nothing can be taken to send", error=type(broken).__name__)
                try:
                    async with asyncio.timeout(self._look_s):
                        await self._look.wait()
                except TimeoutError:
                    continue
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=STOP_S)
        finally:
            for task in [listening, *self._under_way]:
                task.cancel()
            await asyncio.gather(listening, *self._under_way, return_exceptions=True)

    async def _take(self) -> None:
        """Start on all that is due, as far as there is room."""
        while (free := AT_ONCE - len(self._under_way)) > 0 and not self._over.is_set():
            held = Counter(self._under_way.values())
            room = {one: self._limit(one) - held[one] for one in {*held, *self._silent}}
            claim = partial(
                attempts.claim_due,
                self._tools.engine,
                room=room,
                usual=AN_ENDPOINT,
                at_most=free,
                lease_s=self._lease_s,
            )
            found = await self._in_thread(claim)
            for claimed in found:
                task = asyncio.create_task(self._deliver(claimed), name=f"webhook {claimed.id}")
                self._under_way[task] = claimed.endpoint_id
                task.add_done_callback(self._done)
            if not found:
                return

    def _limit(self, endpoint: EndpointId) -> int:
        return A_SILENT_ENDPOINT if endpoint in self._silent else AN_ENDPOINT

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        # Another of its room, or another for its place, may be waiting.
        self._look.set()

    async def _deliver(self, claimed: Claimed) -> None:
        try:
            letter = await self._in_thread(
                partial(attempts.prepare, claimed, self._tools, self._secrets)
            )
            sent = await attempts.send(letter, self._outbound, self._tools)
            await self._in_thread(partial(attempts.record, claimed, sent, self._tools))
        except SQLAlchemyError as broken:
            log.warning("a delivery waits for its lease to end", error=type(broken).__name__)
        except Exception:
            log.exception("a delivery broke", delivery=str(claimed.id))
        else:
            (self._silent.discard if sent.answered else self._silent.add)(claimed.endpoint_id)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _listen(self) -> None:
        """Wake at every knock. Without Redis, looking now and then has to do."""
        url = self._tools.settings.redis_url
        if url is None:
            return
        while True:
            client = open_async_redis(url)
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as heard:
                    await heard.subscribe(keys.knocks(keys.WEBHOOKS))
                    # Whatever was left while nobody listened.
                    self._look.set()
                    while True:
                        if await heard.get_message(timeout=_LISTEN_S) is not None:
                            self._look.set()
            except (redis.RedisError, OSError) as broken:
                log.warning("no knock can be heard", error=str(broken))
            finally:
                await client.aclose()
            await asyncio.sleep(self._look_s)
