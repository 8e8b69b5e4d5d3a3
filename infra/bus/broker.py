"""Dramatiq on Redis without its waits and losses, and how Redis is reached at all.

What differs from the stock broker, and why:

* An idle consumer waits in BLPOP on a list that every enqueue pushes a token to, where the stock
  one sleeps up to a second. Queues, scripts and keys are the stock ones.
* A fetch whose answer was lost leaves messages with a worker that never saw them, and the stock
  broker never finds them while that worker lives. A consumer looks for them when it (re)connects.
* Dead workers are looked for on every fetch, not on one in a thousand.
* No middleware: no retries (the job row decides), no time limit (an exception thrown into a
  thread does not stop C code), no delayed messages (a job row has `available_at`).
"""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio
from dramatiq import Message
from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.common import current_millis
from dramatiq.errors import ConnectionClosed
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ConstantBackoff, NoBackoff
from redis.connection import parse_url
from redis.exceptions import NoScriptError
from redis.retry import Retry

from infra.bus import keys

ACTOR = "perform"
"The one actor of command queues: its argument is an `Envelope`."
JOB_ACTOR = "perform_job"
"The one actor of job queues: its argument is a job's id."

HEARTBEAT_TIMEOUT_MS = 30_000
"""A worker silent for this long is dead and its messages are given to others. Longer: they wait
longer; shorter: a worker that merely stalled has its messages done twice."""

REPLY_TTL_MS = 60_000
"A reply list nobody reads any more."

_WAKE_CAP = 512
"Wake tokens kept on a queue nobody consumes; they are only hints."
_TOGETHER = 1000
"Ids the scripts hand to one Redis command, well under Lua's own limit."
_SETTLE_S = 0.002
"How long a nearly full consumer waits for more room, to fetch several messages at once."
_CONNECT_S = 2.0
_ANSWER_S = 5.0


def messages_url(url: str) -> str:
    """The next database of the same server: queues and replies live apart from everything else.

    Dramatiq's upkeep calls KEYS, which takes 0.2 s in a database of a million keys.
    """
    base, _, query = url.partition("?")
    options = parse_url(url)  # type: ignore[no-untyped-call]
    number = int(options.get("db", 0)) + 1
    if base.startswith("unix:"):
        return f"{base}?db={number}"
    scheme, _, rest = base.partition("://")
    host = rest.partition("/")[0]
    kept = "&".join(part for part in query.split("&") if part and not part.startswith("db="))
    return f"{scheme}://{host}/{number}" + (f"?{kept}" if kept else "")


def open_redis(url: str) -> redis.Redis:
    """For calls that may be made twice: one that broke is tried once more."""
    return redis.Redis.from_url(
        url,
        socket_timeout=_ANSWER_S,
        socket_connect_timeout=_CONNECT_S,
        health_check_interval=15,
        retry=Retry(ConstantBackoff(0.05), 1),
    )


def open_async_redis(
    url: str,
    *,
    answer_s: float = _CONNECT_S,
    kind: type[redis.asyncio.Redis] = redis.asyncio.Redis,
) -> redis.asyncio.Redis:
    """Every call is made once; `answer_s` must exceed what a call may block by two seconds."""
    return kind.from_url(
        url,
        socket_timeout=answer_s,
        socket_connect_timeout=_CONNECT_S,
        health_check_interval=15,
        retry=AsyncRetry(NoBackoff(), 0),
    )


class _Consumer(_RedisConsumer):
    """One queue's messages for this process.

    No message waits unseen: a token is pushed after its message, tokens are popped before the
    fetch, and a fetch asks for at least as many messages as tokens were popped.
    """

    broker: WakeRedisBroker

    def __init__(self, broker: WakeRedisBroker, queue_name: str, prefetch: int, timeout: int):
        held_at_once = broker.prefetch.get(queue_name, prefetch)
        super().__init__(  # type: ignore[no-untyped-call]
            broker, queue_name, held_at_once, timeout
        )
        self._room = threading.Event()
        "Set whenever a message is done with."
        self._drained = False
        "The last fetch got less than it asked for, so waiting is worth while."
        try:
            broker.take_back_lost(queue_name)
        except redis.RedisError as broken:
            raise _closed(broken) from broken

    def __next__(self) -> MessageProxy | None:
        try:
            if not self.message_cache and not self._fetch():
                return None
        except redis.RedisError as broken:
            raise _closed(broken) from broken
        message = Message.decode(self.message_cache.pop(0))
        # Two messages may carry one command: Redis's ids are unique, the messages' are not.
        self.broker.in_hand.add(message.options["redis_message_id"])
        self.queued_message_ids.add(message.options["redis_message_id"])
        return MessageProxy(message)

    def _fetch(self) -> bool:
        self._room.clear()
        room = self.prefetch - self.outstanding_message_count
        if 0 < room < self.prefetch // 2:
            self._room.wait(_SETTLE_S)
            room = self.prefetch - self.outstanding_message_count
        if room <= 0:
            self._room.wait(self.timeout / 1000)
            return False
        woken = self._drained and self.broker.wait_for_message(self.queue_name, self.timeout / 1000)
        self.message_cache = self.broker.fetch(self.queue_name, room, room - bool(woken))
        self._drained = len(self.message_cache) < room
        return bool(self.message_cache)

    def ack(self, message: MessageProxy) -> None:
        self._done(message, "ack")

    def nack(self, message: MessageProxy) -> None:
        self._done(message, "nack")

    def _done(self, message: MessageProxy, how: str) -> None:
        id_ = message.options["redis_message_id"]
        try:
            self.broker.settle(self.queue_name, id_, how)
        except redis.RedisError as broken:
            raise _closed(broken) from broken
        self.broker.in_hand.discard(id_)
        self.queued_message_ids.discard(id_)
        self._room.set()

    def close(self) -> None:
        """Give back what was fetched and never handed out."""
        ids = [Message.decode(data).options["redis_message_id"] for data in self.message_cache]
        self.message_cache = []
        try:
            self.broker.give_back(self.queue_name, ids)
        except redis.RedisError as broken:
            raise _closed(broken) from broken


@dataclass(frozen=True, slots=True)
class _Settled:
    """A message that is done with, and what its asker is told."""

    queue: str
    redis_message_id: str
    how: str
    reply: tuple[str, str] | None


class WakeRedisBroker(RedisBroker):
    """The broker of every process: workers consume with it, `RedisBus` borrows its script calls.

    `prefetch` says how many messages of a queue one process holds at once: as many as it has
    threads where commands are quick, 1 where one job takes minutes.
    """

    def __init__(self, url: str, *, prefetch: Mapping[str, int] | None = None) -> None:
        client = redis.Redis.from_url(
            messages_url(url),
            socket_timeout=_ANSWER_S,
            socket_connect_timeout=_CONNECT_S,
            health_check_interval=15,
            # A call that broke may have been carried out: only the caller knows if it may again.
            retry=Retry(NoBackoff(), 0),
        )
        super().__init__(  # type: ignore[no-untyped-call]
            client=client,
            middleware=[],
            namespace=keys.DRAMATIQ_NAMESPACE,
            maintenance_chance=1_000_000,
            heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
        )
        self.prefetch = dict(prefetch or {})
        self.in_hand: set[str] = set()
        "Redis ids of the messages this process is working on."
        self._reply = threading.local()
        self._unsettled: deque[_Settled] = deque()
        self._settling = threading.Lock()

    @property
    def consumer_class(self) -> type[_Consumer]:
        return _Consumer

    def declare_queue(self, queue_name: str) -> None:
        """Without the delay queue the stock broker adds, and polls."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    # --- steps of a pipeline, sync or async ---

    def script_call(self, command: str, queue: str, *args: object, upkeep: bool = False) -> Any:
        """Arguments of EVALSHA that run one command of the stock script."""
        return (
            self.scripts["dispatch"].sha,
            1,
            self.namespace,
            command,
            current_millis(),
            queue,
            self.broker_id,
            self.heartbeat_timeout,
            self.dead_message_ttl,
            int(upkeep),
            _TOGETHER,
            *args,
        )

    def add_enqueue(self, pipe: Any, queue: str, redis_message_id: str, data: bytes | str) -> None:
        pipe.evalsha(*self.script_call("enqueue", queue, redis_message_id, data))
        pipe.rpush(self._wake(queue), 1)

    # --- what a worker's threads call ---

    def do_enqueue(self, queue_name: str, redis_message_id: str, data: bytes) -> None:
        """Where the stock broker's `enqueue` ends up."""
        self._run(lambda pipe: self.add_enqueue(pipe, queue_name, redis_message_id, data))

    def fetch(self, queue: str, count: int, tokens: int) -> list[bytes]:
        def build(pipe: Any) -> None:
            if tokens:
                pipe.lpop(self._wake(queue), tokens)
            pipe.evalsha(*self.script_call("fetch", queue, count, upkeep=True))

        found: list[bytes | None] = self._run(build)[-1]
        return [data for data in found if data is not None]

    def wait_for_message(self, queue: str, seconds: float) -> bool:
        return self.client.blpop([self._wake(queue)], seconds) is not None

    def reply(self, reply_to: str, outcome: str) -> None:
        """Send this with the acknowledgement of the message this thread is working on."""
        self._reply.waiting = (reply_to, outcome)

    def settle(self, queue: str, redis_message_id: str, how: str) -> None:
        """Reply and acknowledge: at once, or with what another thread is about to settle.

        Raises RedisError in the thread that met it; what the others left to it stays for the next.
        """
        mine = _Settled(queue, redis_message_id, how, getattr(self._reply, "waiting", None))
        self._unsettled.append(mine)
        # Whoever leaves here without the lock was seen by the holder, who looks again after.
        while self._unsettled and self._settling.acquire(blocking=False):
            batch: list[_Settled] = []
            try:
                while self._unsettled:
                    batch.append(self._unsettled.popleft())
                self._run(functools.partial(self._add_settled, batch))
            except redis.RedisError:
                self._unsettled.extend(one for one in batch if one is not mine)
                raise
            finally:
                self._settling.release()
        self._reply.waiting = None

    def _add_settled(self, batch: list[_Settled], pipe: Any) -> None:
        replies: dict[str, list[str]] = {}
        for one in batch:
            if one.reply is not None:
                replies.setdefault(one.reply[0], []).append(one.reply[1])
        for reply_to, outcomes in replies.items():
            pipe.rpush(reply_to, *outcomes)
            pipe.pexpire(reply_to, REPLY_TTL_MS)
        for one in batch:
            pipe.evalsha(*self.script_call(one.how, one.queue, one.redis_message_id))

    def give_back(self, queue: str, ids: list[str]) -> None:
        if ids:
            self._run(
                lambda pipe: pipe.evalsha(*self.script_call("requeue", queue, *ids)).rpush(
                    self._wake(queue), *([1] * len(ids))
                )
            )

    def take_back_lost(self, queue: str) -> None:
        """Requeue what Redis believes this process has and it has not."""
        mine = f"{self.namespace}:__acks__.{self.broker_id}.{queue}"
        self.client.ltrim(self._wake(queue), -_WAKE_CAP, -1)
        members: set[bytes] = self.client.smembers(mine)  # type: ignore[assignment]
        held = {member.decode() for member in members}
        self.give_back(queue, sorted(held - self.in_hand))

    def beat(self) -> None:
        """Say that this process lives. Fetching says so too, but a busy worker does not fetch."""
        self.client.zadd(f"{self.namespace}:__heartbeats__", {self.broker_id: current_millis()})

    def waiting(self, queue: str) -> int:
        """How many messages nobody has fetched yet."""
        return int(self.client.llen(f"{self.namespace}:{queue}"))

    def _wake(self, queue: str) -> str:
        return f"{self.namespace}:{queue}.wake"

    def _run(self, build: Callable[[Any], object]) -> list[Any]:
        for attempt in (0, 1):
            with self.client.pipeline(transaction=False) as pipe:
                build(pipe)
                try:
                    return pipe.execute()
                except NoScriptError:
                    # Redis was restarted and knows our script no more.
                    if attempt:
                        raise
                    self.client.script_load(self.scripts["dispatch"].script)
        raise AssertionError("unreachable")


def _closed(broken: redis.RedisError) -> ConnectionClosed:
    """What Dramatiq's threads know how to wait out."""
    return ConnectionClosed(broken)  # type: ignore[no-untyped-call]


def clock_skew_s(client: redis.Redis) -> float:
    """Seconds this machine's clock is ahead of Redis's; negative when it is behind."""
    before = time.time()
    seconds, micros = client.time()
    return (before + time.time()) / 2 - (seconds + micros / 1e6)
