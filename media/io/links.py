"""One connection of one participant: its transport, and what its m-lines are in the engine."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from infra.contract.ids import ConnectionId, ParticipantId
from media.engine.port import Engine, ForwardId, ForwardSpec, SourceId, SourceSpec
from media.io.answer import Ground, Part, Receiving, Sending, write_answer
from media.io.sdp import MLine, Offer
from media.io.switchboard import Switchboard
from media.io.transport import Peer

ALIVE_S = 8.0
"A client checks its transport every 5 s or so; one silent for longer may be gone."


@dataclass(frozen=True, slots=True)
class Ends:
    """Whose connection it is, and who is told what becomes of it."""

    board: Switchboard
    connection_id: ConnectionId
    participant_id: ParticipantId
    opened: Callable[[Link], None]
    "The transport works."
    ended: Callable[[Link], None]
    "The transport is going; its leg is still there."


class Link:
    """What publish and subscribe connections have in common."""

    def __init__(self, ends: Ends, offer: Offer) -> None:
        self.connection_id = ends.connection_id
        self.participant_id = ends.participant_id
        self.version = 0
        "The room's when this was asked for last."
        self._ends = ends
        self._session = secrets.randbits(62)
        self._version = 0
        self.peer = ends.board.open(self, offer)

    @property
    def engine(self) -> Engine:
        return self._ends.board.engine

    @property
    def is_connected(self) -> bool:
        return self.peer.is_connected

    def is_alive(self, now: float) -> bool:
        """Whether the client was heard from of late, if only by its offer."""
        return now - self.peer.heard_at < ALIVE_S

    def close(self) -> None:
        self.peer.close()

    def connected(self, peer: Peer) -> None:
        self._ends.opened(self)

    def closed(self, peer: Peer) -> None:
        self._ends.ended(self)

    def _write(self, offer: Offer, parts: Mapping[str, Part]) -> str:
        self.peer.restart(offer.credentials)
        self._version += 1
        ground = Ground(
            session=self._session,
            version=self._version,
            credentials=self.peer.local,
            fingerprints=self.peer.fingerprints,
            addresses=self._ends.board.addresses,
        )
        return write_answer(offer, ground, parts)


class PublishLink(Link):
    """A connection a participant sends on."""

    def __init__(self, ends: Ends, offer: Offer) -> None:
        super().__init__(ends, offer)
        self._specs: dict[str, SourceSpec] = {}
        self._sources: dict[str, SourceId] = {}

    def answer(self, offer: Offer) -> str:
        parts: dict[str, Part] = {
            line.mid: Receiving() if line.offers_media else None for line in offer.usable
        }
        return self._write(offer, parts)

    def unchanged(self, offer: Offer) -> set[str]:
        """Mids that go on sending exactly as they do now."""
        offered = _source_specs(offer)
        return {mid for mid, spec in self._specs.items() if offered.get(mid) == spec}

    def accept(self, offer: Offer) -> None:
        """Receive from now on what the offer describes. What it no longer describes is removed."""
        kept = self.unchanged(offer)
        self._specs = _source_specs(offer)
        for mid in [mid for mid in self._sources if mid not in kept]:
            self.engine.remove_source(self._sources.pop(mid))
        self.open_sources()

    def open_sources(self) -> None:
        """Once connected: have the engine take what comes."""
        if self.peer.leg is not None:
            for mid, spec in self._specs.items():
                if mid not in self._sources:
                    self._sources[mid] = self.engine.add_source(self.peer.leg, spec)

    @property
    def sources(self) -> Collection[SourceId]:
        return self._sources.values()

    def source(self, mid: str) -> SourceId | None:
        return self._sources.get(mid)


class SubscribeLink(Link):
    """A connection a participant receives on."""

    def __init__(self, ends: Ends, offer: Offer) -> None:
        super().__init__(ends, offer)
        self._specs: dict[str, ForwardSpec] = {}
        self._forwards: dict[str, ForwardId] = {}
        self._paused: set[str] = set()
        self._used_ssrcs: set[int] = set()
        self._cname = secrets.token_hex(8)

    @property
    def mids(self) -> frozenset[str]:
        return frozenset(self._specs)

    @property
    def forwards(self) -> Collection[ForwardId]:
        return self._forwards.values()

    def accept(self, offer: Offer) -> None:
        """Send from now on on the offer's m-lines. A line that stays as it is keeps its numbers."""
        before, self._specs = self._specs, {}
        for line in offer.usable:
            if line.wants_media:
                self._specs[line.mid] = self._spec(line, before.get(line.mid))
        for mid, spec in before.items():
            if self._specs.get(mid) != spec and mid in self._forwards:
                self.engine.remove_forward(self._forwards.pop(mid))
        self._paused &= self.mids
        self.open_forwards()

    def answer(self, offer: Offer) -> str:
        places: dict[str, int] = {"audio": 0, "video": 0}
        parts: dict[str, Part] = {}
        for line in offer.usable:
            spec = self._specs.get(line.mid)
            if spec is not None:
                stream = f"{self._cname}-{places[line.kind]}"
                parts[line.mid] = Sending(spec.ssrc, spec.rtx_ssrc, self._cname, stream)
                places[line.kind] += 1
        return self._write(offer, parts)

    def open_forwards(self) -> None:
        """Once connected: give the engine a slot for each line, as yet silent."""
        if self.peer.leg is not None:
            for mid, spec in self._specs.items():
                if mid not in self._forwards:
                    forward = self._forwards[mid] = self.engine.add_forward(self.peer.leg, spec)
                    self.engine.pause_forward(forward, mid in self._paused)

    def play(self, mid: str, source: SourceId | None) -> None:
        """Before the transport works this changes nothing."""
        if mid in self._forwards:
            self.engine.feed(self._forwards[mid], source)

    def pause(self, mid: str, paused: bool) -> None:
        """Raises KeyError for a line nothing is received on."""
        if mid not in self._specs:
            raise KeyError(mid)
        (self._paused.add if paused else self._paused.discard)(mid)
        if mid in self._forwards:
            self.engine.pause_forward(self._forwards[mid], paused)

    def _spec(self, line: MLine, before: ForwardSpec | None) -> ForwardSpec:
        repairs = any(codec.rtx_payload_type is not None for codec in line.codecs)
        if (
            before is not None
            and (before.codecs, before.extensions) == (line.codecs, line.extensions)
            and (before.rtx_ssrc is not None) == repairs
        ):
            return before
        return ForwardSpec(
            mid=line.mid,
            ssrc=self._new_ssrc(),
            codecs=line.codecs,
            rtx_ssrc=self._new_ssrc() if repairs else None,
            extensions=line.extensions,
        )

    def _new_ssrc(self) -> int:
        """One that was never used on this connection: an SSRC's packet index must not restart."""
        while True:
            ssrc = secrets.randbits(32)
            if ssrc and ssrc not in self._used_ssrcs:
                self._used_ssrcs.add(ssrc)
                return ssrc


def _source_specs(offer: Offer) -> dict[str, SourceSpec]:
    return {
        line.mid: SourceSpec(
            kind="audio" if line.kind == "audio" else "video",
            mid=line.mid,
            codecs=line.codecs,
            ssrcs=line.ssrcs,
            rtx_ssrcs=line.rtx_ssrcs,
            extensions=line.extensions,
        )
        for line in offer.usable
        if line.offers_media
    }
