"""The pod's end of the bus: orders in, answers, reports, leases and tracks out."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import structlog
from pydantic import TypeAdapter, ValidationError
from redis.exceptions import NoScriptError, RedisError, ResponseError

from infra.bus import keys
from infra.bus.broker import REPLY_TTL_MS, messages_url, open_async_redis
from infra.bus.port import PodReport
from infra.contract.ids import CommandId, PodId, RoomId
from infra.contract.live import AddCandidate  # noqa: F401 - brings every live command in
from infra.contract.messages import Envelope, LiveCommand, Outcome, Reply, kinds
from infra.contract.refusals import Reason, Refusal, Refused, refuse
from infra.contract.statistics import LiveFigures
from infra.contract.views import TrackView

LEASE_MS = 5000
"""How long a room stays a pod's without renewal. Longer: a dead pod's rooms move later; shorter: a
stalled loop or a slow Redis loses rooms."""
REPORT_MS = 5000
"A pod that has not reported for this long is dead."
TRACKS_MS = 15_000
"Tracks of a pod that no longer renews its leases."
FIGURES_MS = 5000
"Figures of a pod that no longer says any."

_GROUP = "pod"
_READER = "pod"
_BLOCK_S = 2
_AT_ONCE = 50
_SEEN = 10_000
"Answers remembered, so that an order sent twice is carried out once."
_STALE = timedelta(seconds=5)
"An order nobody has waited for since this long is not worth starting. More than clocks differ by."
_SOON_S, _LATER_S = 0.05, 1.0

_RENEW = """
-- KEYS: lease, tracks. ARGV: pod, epoch, lease ms, tracks ms.
-- 0 nobody has the lease, or an older tenure; 1 it is ours; 2 ours, and its tracks are known;
-- 3 another pod's, or a later tenure's.
local raw = redis.call('GET', KEYS[1])
if not raw then return 0 end
local lease = cjson.decode(raw)
local epoch = tonumber(ARGV[2])
if lease.epoch < epoch then return 0 end
if lease.pod ~= ARGV[1] or lease.epoch > epoch then return 3 end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1 + redis.call('PEXPIRE', KEYS[2], ARGV[4])
"""

Held = Literal["held", "missing", "lost"]
Answer = Callable[[Reply | Refusal | Refused | BaseException], Awaitable[None]]
"""Say how the order ended, once: a reply, a refusal, or the exception it broke with. Only then is
it off the stream: an order that is never answered comes again when the pod reconnects."""

_TRACKS = TypeAdapter(list[TrackView])

log = structlog.get_logger(__name__)


class PodInbox:
    """Orders for one pod, and what the pod lets the others know. Use it in one event loop.

    `async for command, answer in inbox:` yields each order once, in the order they were sent, and
    goes on across Redis restarts. An order sent twice is answered from memory.
    """

    def __init__(self, url: str, pod_id: PodId) -> None:
        self.pod_id = pod_id
        self._stream = keys.orders(pod_id)
        self._blocking = open_async_redis(url, answer_s=_BLOCK_S + 2)
        self._state = open_async_redis(url)
        self._messages = open_async_redis(messages_url(url))
        self._renewal = hashlib.sha1(_RENEW.encode(), usedforsecurity=False).hexdigest()
        self._kinds = kinds(LiveCommand)
        self._in_hand: set[bytes] = set()
        self._seen: OrderedDict[CommandId, Outcome | None] = OrderedDict()
        self._tracks: dict[RoomId, str] = {}

    async def close(self) -> None:
        await self._blocking.aclose()
        await self._state.aclose()
        await self._messages.aclose()

    # --- orders ---

    async def __aiter__(self) -> AsyncIterator[tuple[LiveCommand[Any], Answer]]:
        # What was read and not answered, by an earlier connection of ours, comes first.
        after = b"0"
        pause = _SOON_S
        while True:
            try:
                entries = await self._read(after)
                pause = _SOON_S
            except (RedisError, OSError) as broken:
                if isinstance(broken, ResponseError) and "NOGROUP" in str(broken):
                    pause = 0.0
                else:
                    log.warning("orders cannot be read", error=str(broken), again_in_s=pause)
                await asyncio.sleep(pause)
                pause = min(max(pause, _SOON_S) * 2, _LATER_S)
                await self._make_group()
                after = b"0"
                continue
            for id_, fields in entries:
                order = await self._take(id_, fields)
                if order is not None:
                    yield order
            if after != b">":
                after = entries[-1][0] if entries else b">"

    async def _read(self, after: bytes) -> list[tuple[bytes, dict[bytes, bytes]]]:
        found: Any = await self._blocking.xreadgroup(
            _GROUP, _READER, {self._stream: after}, count=_AT_ONCE, block=_BLOCK_S * 1000
        )
        if not found:
            return []
        # An entry that was trimmed before it was answered is known by its id alone.
        return [(id_, fields or {}) for id_, fields in found[0][1]]

    async def _make_group(self) -> None:
        try:
            await self._state.xgroup_create(self._stream, _GROUP, id="0", mkstream=True)
        except ResponseError as known:
            if "BUSYGROUP" not in str(known):
                log.error("the orders' group cannot be made", error=str(known))
        except (RedisError, OSError) as broken:
            log.warning("the orders' group cannot be made yet", error=str(broken))

    async def _take(
        self, id_: bytes, fields: dict[bytes, bytes]
    ) -> tuple[LiveCommand[Any], Answer] | None:
        if id_ in self._in_hand:
            return None
        try:
            envelope = Envelope.model_validate_json(fields.get(b"envelope", b""))
        except ValidationError:
            log.error("an entry that is no order was dropped", entry=id_.decode())
            await self._acknowledge(id_)
            return None
        if envelope.command_id in self._seen:
            done = self._seen[envelope.command_id]
            if done is not None:
                await self._settle(id_, envelope, done)
            else:
                await self._acknowledge(id_)
            return None
        if envelope.not_after is not None and datetime.now(UTC) > envelope.not_after + _STALE:
            await self._acknowledge(id_)
            return None
        try:
            command = self._kinds[envelope.kind].model_validate(envelope.body)
        except (KeyError, ValidationError) as unusable:
            log.error("an order nobody understands", kind=envelope.kind)
            await self._settle(id_, envelope, self._outcome(envelope, unusable))
            return None
        self._in_hand.add(id_)
        self._remember(envelope.command_id, None)

        async def answer(said: Reply | Refusal | Refused | BaseException) -> None:
            outcome = self._outcome(envelope, said)
            self._remember(envelope.command_id, outcome)
            await self._settle(id_, envelope, outcome)

        return command, answer

    def _outcome(self, envelope: Envelope, said: object) -> Outcome:
        if isinstance(said, Refused):
            said = said.refusal
        if isinstance(said, Refusal):
            return Outcome(command_id=envelope.command_id, refusal=said.model_dump(mode="json"))
        if isinstance(said, Reply):
            return Outcome(command_id=envelope.command_id, reply=said.model_dump(mode="json"))
        return Outcome(command_id=envelope.command_id, error=type(said).__name__)

    def _remember(self, command_id: CommandId, outcome: Outcome | None) -> None:
        self._seen[command_id] = outcome
        while len(self._seen) > _SEEN:
            self._seen.popitem(last=False)

    async def _settle(self, id_: bytes, envelope: Envelope, outcome: Outcome) -> None:
        if envelope.reply_to is not None:
            pipe = self._messages.pipeline(transaction=False)
            pipe.rpush(envelope.reply_to, outcome.model_dump_json(exclude_none=True))
            pipe.pexpire(envelope.reply_to, REPLY_TTL_MS)
            try:
                await pipe.execute()
            except (RedisError, OSError) as broken:
                # Whoever waits will hear COMMAND_PENDING, and may order it again.
                log.warning("an answer could not be sent", error=str(broken))
        await self._acknowledge(id_)

    async def _acknowledge(self, id_: bytes) -> None:
        try:
            pipe = self._state.pipeline(transaction=False)
            pipe.xack(self._stream, _GROUP, id_)
            pipe.xdel(self._stream, id_)
            await pipe.execute()
        except (RedisError, OSError) as broken:
            # It comes again with the next connection, and is answered from memory.
            log.warning("an order could not be taken off", error=str(broken))
        self._in_hand.discard(id_)

    # --- what the pod lets be known; each raises `Refused` UNAVAILABLE when Redis is away ---

    async def report(self, report: PodReport) -> None:
        """Call every second: a pod that stops is dead after `REPORT_MS`."""
        pipe = self._state.pipeline(transaction=False)
        pipe.set(keys.pod(self.pod_id), report.model_dump_json(), px=REPORT_MS)
        pipe.sadd(keys.PODS, str(self.pod_id))
        await self._reached(pipe.execute())

    async def retire(self) -> None:
        """Say that this pod is gone, so that nobody waits to find out."""
        pipe = self._state.pipeline(transaction=False)
        pipe.delete(keys.pod(self.pod_id), self._stream)
        pipe.srem(keys.PODS, str(self.pod_id))
        await self._reached(pipe.execute())

    async def renew_leases(self, rooms: Mapping[RoomId, int]) -> dict[RoomId, Held]:
        """Renew by room and epoch; call every second, well within `LEASE_MS`.

        missing: nobody holds it, claim it. lost: another pod does, or a later tenure: drop it.
        """
        if not rooms:
            return {}
        held: dict[RoomId, Held] = {}
        answers = await self._reached(self._renew(rooms))
        for room, answer in zip(rooms, answers, strict=True):
            held[room] = ("missing", "held", "held", "lost")[answer]
            if answer == 1 and room in self._tracks:
                await self._write_tracks(room)
        return held

    async def _renew(self, rooms: Mapping[RoomId, int]) -> list[int]:
        for attempt in (0, 1):
            pipe = self._state.pipeline(transaction=False)
            for room, epoch in rooms.items():
                touched = (keys.lease(room), keys.tracks(room))
                pipe.evalsha(
                    self._renewal, 2, *touched, str(self.pod_id), epoch, LEASE_MS, TRACKS_MS
                )
            try:
                return [int(answer) for answer in await pipe.execute()]
            except NoScriptError:
                if attempt:
                    raise
                await self._state.script_load(_RENEW)
        raise AssertionError("unreachable")

    async def set_tracks(self, room: RoomId, tracks: Sequence[TrackView]) -> None:
        """What is published in the room now. Kept up, also across an emptied Redis, for as long
        as the room's lease is renewed; an empty list forgets the room."""
        if not tracks:
            self._tracks.pop(room, None)
            await self._reached(self._state.delete(keys.tracks(room)))
            return
        self._tracks[room] = _TRACKS.dump_json(list(tracks)).decode()
        await self._write_tracks(room)

    async def set_figures(self, figures: Sequence[LiveFigures]) -> None:
        """What was measured of these rooms; call every second, or they are forgotten."""
        if not figures:
            return
        pipe = self._state.pipeline(transaction=False)
        for room in figures:
            pipe.set(keys.figures(room.room_id), room.model_dump_json(), px=FIGURES_MS)
        await self._reached(pipe.execute())

    async def _write_tracks(self, room: RoomId) -> None:
        await self._reached(self._state.set(keys.tracks(room), self._tracks[room], px=TRACKS_MS))

    async def _reached(self, answer: Awaitable[Any]) -> Any:
        try:
            return await answer
        except (RedisError, OSError) as broken:
            raise refuse(
                Reason.UNAVAILABLE, "the message bus does not answer", retry_after_s=2
            ) from broken
