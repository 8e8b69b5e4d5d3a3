"""The packet engine in Python: it runs where the native one cannot, and is its measure.

Here are the calls of the port, the socket's reader and the timer. What a packet goes
through then is in :mod:`media.engine.routing` and :mod:`media.engine.fan`, and RTCP in
:mod:`media.engine.reporting`.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import time
from collections.abc import Callable
from typing import Literal

from media.core.demux import Protocol, protocol_of
from media.core.rtp import HEADER, Malformed
from media.engine import srtp
from media.engine.parts import MOST_SSRCS, RTCP_WORD, Forward, Leg, Source
from media.engine.port import (
    Address,
    ControlPlane,
    EngineStats,
    ForwardId,
    ForwardSpec,
    ForwardStats,
    LegId,
    SourceId,
    SourceSpec,
    SourceStats,
    SrtpKeys,
    Tap,
)
from media.engine.reporting import Reporter
from media.engine.routing import Router
from media.engine.udp import Endpoint, Inbox, open_socket, pack_address, send_to, unpack_address

TICK = 0.05
"Seconds between two looks at what has fallen due."
BATCHES_PER_TURN = 4
"Receive calls before other tasks of the event loop get their turn."
LOG_FAILURES_EVERY = 1.0
"Seconds; a flood of one mistake is one line."

_log = logging.getLogger(__name__)


class ReferenceEngine:
    """Implements :class:`media.engine.port.Engine` on the running asyncio loop.

    `host` must be numeric; port 0 takes any free one. `batched` False uses one system call a
    datagram, as happens anyway where the system has nothing better. `clock` gives monotonic
    seconds, `wall` Unix seconds.
    """

    name: Literal["native", "reference"] = "reference"

    def __init__(
        self,
        host: str,
        port: int = 0,
        *,
        batched: bool = True,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.stats = EngineStats()
        self._bind = (host, port)
        self._batched = batched
        self._clock = clock
        self._wall = wall
        self._numbers = itertools.count(1)
        self._admitted: set[bytes] = set()
        self._legs: dict[LegId, Leg] = {}
        self._legs_by_name: dict[bytes, Leg] = {}
        self._sources: dict[SourceId, Source] = {}
        self._forwards: dict[ForwardId, Forward] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._failure_logged_at: float | None = None
        self._sock: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop
        self._control: ControlPlane
        self._inbox: Inbox
        self._router: Router
        self._reporter: Reporter

    @property
    def local_address(self) -> Address:
        """Raises RuntimeError before :meth:`start`."""
        host, port = self._open.getsockname()[:2]
        return str(host), int(port)

    def start(self, control: ControlPlane) -> None:
        if self._sock is not None:
            raise RuntimeError("the engine runs already")
        self._loop = asyncio.get_running_loop()
        self._control = control
        self._sock = sock = open_socket(*self._bind)
        self._inbox = Inbox(sock, batched=self._batched)
        self._router = Router(sock, self.stats, batched=self._batched, failed=self._note_failure)
        self._reporter = Reporter(sock, self.stats, self._router, self._wall)
        self._loop.add_reader(sock.fileno(), self._read)

    def close(self) -> None:
        """Closing twice, or before the start, does nothing."""
        if self._sock is None:
            return
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        self._sock = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for kept in (self._legs, self._legs_by_name, self._sources, self._forwards):
            kept.clear()
        self._admitted.clear()

    def send(self, data: bytes, target: Address) -> None:
        try:
            # sendto would look a host name up, and wait for the answer.
            pack_address(self._open.family, target)
        except (OSError, ValueError):
            self.stats.dropped_send += 1
            return
        if not send_to(self._open, data, target):
            self.stats.dropped_send += 1

    def admit(self, address: Address) -> None:
        self._admitted.add(pack_address(self._open.family, address))

    def dismiss(self, address: Address) -> None:
        name = pack_address(self._open.family, address)
        self._admitted.discard(name)
        leg = self._legs_by_name.get(name)
        if leg is not None and leg.endpoint.name != name:
            del self._legs_by_name[name]

    def open_leg(self, address: Address, keys: SrtpKeys) -> LegId:
        """What comes from the address now belongs to this leg, whoever had it before."""
        number = LegId(next(self._numbers))
        leg = Leg(number, Endpoint(self._open.family, address), keys, now=self._clock())
        self._legs[number] = leg
        self._legs_by_name[leg.endpoint.name] = leg
        if self._timer is None:
            self._timer = self._loop.call_later(TICK, self._tick)
        return number

    def hear_leg(self, leg: LegId, address: Address) -> None:
        self._legs_by_name[pack_address(self._open.family, address)] = self._legs[leg]

    def move_leg(self, leg: LegId, address: Address) -> None:
        moved = self._legs[leg]
        moved.endpoint.move(self._open.family, address)
        self._legs_by_name[moved.endpoint.name] = moved

    def close_leg(self, leg: LegId) -> None:
        closed = self._legs[leg]
        for forward in [f for f in self._forwards.values() if f.leg is closed]:
            self.remove_forward(forward.id)
        for source in list(closed.sources):
            self.remove_source(source.id)
        for name in [name for name, heard in self._legs_by_name.items() if heard is closed]:
            del self._legs_by_name[name]
        del self._legs[leg]

    def add_source(self, leg: LegId, spec: SourceSpec) -> SourceId:
        """Raises ValueError for an SSRC that another source of the leg has."""
        owner = self._legs[leg]
        named = [*spec.ssrcs, *spec.rtx_ssrcs]
        taken = [ssrc for ssrc in named if ssrc in owner.routes]
        if taken:
            raise ValueError(f"another source has SSRC {taken[0]}")
        source = Source(SourceId(next(self._numbers)), owner, spec)
        self._sources[source.id] = source
        owner.sources.append(source)
        for ssrc in named:
            owner.routes[ssrc] = source
            owner.strangers.pop(ssrc, None)
        return source.id

    def remove_source(self, source: SourceId) -> None:
        removed = self._sources.pop(source)
        for forward in [*removed.playing, *removed.waiting]:
            removed.part(forward)
        removed.leg.sources.remove(removed)
        routes = removed.leg.routes
        for ssrc in [ssrc for ssrc, owner in routes.items() if owner is removed]:
            del routes[ssrc]
            removed.leg.note_stranger(ssrc)

    def mute_source(self, source: SourceId, muted: bool) -> None:
        changed = self._sources[source]
        if changed.muted == muted:
            return
        changed.muted = muted
        changed.silence()
        if not muted and changed.wanted:
            self._want_keyframe(changed)

    def source_stats(self, source: SourceId) -> SourceStats:
        return self._sources[source].stats()

    def add_forward(self, leg: LegId, spec: ForwardSpec) -> ForwardId:
        """Raises ValueError for an SSRC that was ever sent on this leg."""
        owner = self._legs[leg]
        for ssrc in (spec.ssrc, spec.rtx_ssrc):
            if ssrc is not None:
                owner.claim_ssrc(ssrc)
        forward = Forward(ForwardId(next(self._numbers)), owner, spec)
        self._forwards[forward.id] = forward
        owner.forwards[spec.ssrc] = forward
        return forward.id

    def feed(self, forward: ForwardId, source: SourceId | None) -> None:
        fed = self._forwards[forward]
        new = None if source is None else self._sources[source]
        if fed.source is new:
            return
        if fed.source is not None:
            fed.source.part(fed)
        fed.source = new
        if new is not None:
            new.waiting.append(fed)
            if not fed.paused:
                self._want_keyframe(new)

    def forward_stats(self, forward: ForwardId) -> ForwardStats:
        return self._forwards[forward].stats()

    def pause_forward(self, forward: ForwardId, paused: bool) -> None:
        changed = self._forwards[forward]
        if changed.paused == paused:
            return
        changed.paused = paused
        source = changed.source
        if source is None:
            return
        if paused and changed in source.playing:
            source.rest(changed)
        elif not paused:
            self._want_keyframe(source)

    def remove_forward(self, forward: ForwardId) -> None:
        removed = self._forwards.pop(forward)
        if removed.source is not None:
            removed.source.part(removed)
        leg = removed.leg
        del leg.forwards[removed.spec.ssrc]
        for ssrc in (removed.spec.ssrc, removed.spec.rtx_ssrc):
            if ssrc is not None:
                leg.outbound.forget(ssrc)

    def tap(self, source: SourceId, tap: Tap | None) -> None:
        self._sources[source].tap = tap

    def request_keyframe(self, source: SourceId) -> None:
        self._want_keyframe(self._sources[source])

    @property
    def _open(self) -> socket.socket:
        if self._sock is None:
            raise RuntimeError("the engine does not run")
        return self._sock

    def _want_keyframe(self, source: Source) -> None:
        now = self._clock()
        self._router.want_keyframe(source, now=now)
        self._reporter.flush(now=now)

    def _tick(self) -> None:
        if not self._legs:
            self._timer = None
            return
        self._timer = self._loop.call_later(TICK, self._tick)
        self._reporter.tick(list(self._legs.values()), now=self._clock())

    def _read(self) -> None:
        """The socket is readable. Nothing that a peer sends raises out of here."""
        inbox = self._inbox
        for _ in range(BATCHES_PER_TURN):
            count = inbox.receive()
            if not count:
                return
            now = self._clock()
            for index in range(count):
                try:
                    self._receive(index, now)
                except Malformed:
                    self.stats.dropped_malformed += 1
                except Exception:  # noqa: BLE001 - one packet's bug is not everybody's outage
                    self._note_failure("packet")
                if self._sock is None:
                    return
            self._reporter.flush(now=now)
            if count < len(inbox.views):
                return

    def _receive(self, index: int, now: float) -> None:
        inbox = self._inbox
        length = inbox.lengths[index][0]
        if not length:
            self.stats.dropped_empty += 1
            return
        view = inbox.views[index]
        protocol = protocol_of(view[0], view[1] if length > 1 else 0)
        name = inbox.name_of(index)
        if protocol is Protocol.SRTP:
            leg = self._legs_by_name.get(name)
            if leg is None:
                self.stats.dropped_unknown_source += 1
            elif srtp.unprotect(leg.inbound.pointer, inbox.pointers[index], inbox.lengths[index]):
                self.stats.dropped_unauthentic += 1
            elif not leg.inflow.take(1, now=now):
                self.stats.dropped_flood += 1
            else:
                self._router.receive(leg, view, inbox.lengths[index][0], now=now)
        elif protocol is Protocol.SRTCP:
            self._receive_rtcp(index, name, length, now)
        elif protocol is Protocol.STUN:
            self._hand_up("stun_received", self._control.stun_received, index, length, name)
        elif protocol is Protocol.DTLS:
            if name in self._admitted:
                self._hand_up("dtls_received", self._control.dtls_received, index, length, name)
            else:
                self.stats.dropped_unknown_source += 1
        else:
            self.stats.dropped_malformed += 1

    def _receive_rtcp(self, index: int, name: bytes, length: int, now: float) -> None:
        inbox = self._inbox
        leg = self._legs_by_name.get(name)
        if leg is None:
            self.stats.dropped_unknown_source += 1
            return
        if length < HEADER.size:
            raise Malformed("SRTCP shorter than its header")
        view = inbox.views[index]
        reporter = int.from_bytes(view[4:8], "big")
        # libsrtp keeps state for every authentic SSRC; a peer may not grow it for ever.
        if reporter not in leg.reporters and len(leg.reporters) >= MOST_SSRCS:
            self.stats.dropped_unroutable += 1
            return
        lengths = inbox.lengths[index]
        if srtp.unprotect_rtcp(leg.inbound.pointer, inbox.pointers[index], lengths):
            self.stats.dropped_unauthentic += 1
            return
        leg.reporters.add(reporter)
        if not leg.inflow.take(1 + lengths[0] // RTCP_WORD, now=now):
            self.stats.dropped_flood += 1
            return
        self._reporter.receive(leg, bytes(view[: lengths[0]]), now=now)

    def _hand_up(
        self,
        what: str,
        receiver: Callable[[bytes, Address], None],
        index: int,
        length: int,
        name: bytes,
    ) -> None:
        try:
            receiver(bytes(self._inbox.views[index][:length]), unpack_address(name))
        except Exception:  # noqa: BLE001 - others' packets wait behind this one
            self._note_failure(what)

    def _note_failure(self, what: str) -> None:
        """Called while handling an exception of ours or of those we call."""
        self.stats.failures += 1
        now = self._clock()
        last = self._failure_logged_at
        if last is None or now - last >= LOG_FAILURES_EVERY:
            self._failure_logged_at = now
            _log.exception("%s failed (%d failures so far)", what, self.stats.failures)
