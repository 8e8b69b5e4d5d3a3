"""One packet to many receivers: the loop that everything else exists to feed."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from media.core.history import SentPacket
from media.core.rtp import ReceiverHeader
from media.core.vp8 import Descriptor
from media.engine import srtp
from media.engine.port import Codec, EngineStats
from media.engine.udp import Outbox

if TYPE_CHECKING:
    from media.engine.parts import Forward

SEALED_ROOM = 512
"Octets a packet may grow by on its way through: longer extensions, and the SRTP trailer."

Row = tuple[Any, Any, Any, memoryview, int, int, int, bytes, "Forward"]
"""Session, packet and length pointers, the packet's octets, payload type, offsets of sequence
number and timestamp, the header's fixed part, and whose row it is. Tuples are quick to unpack."""

_layouts: Final[dict[tuple[int, int], Callable[..., None]]] = {}


def _layout(fixed: int, tail: int) -> Callable[..., None]:
    """Writes a packet from its second octet on; one call a packet, with no copy in between."""
    layout = _layouts.get((fixed, tail))
    if layout is None:
        layout = _layouts[fixed, tail] = struct.Struct(f"!BHI{fixed}s{tail}s").pack_into
    return layout


class _Group:
    """Receivers whose packets have everything in the same place."""

    __slots__ = ("header", "renumbered", "rows")

    def __init__(self, header: ReceiverHeader, renumbered: bool) -> None:
        self.header = header
        self.renumbered = renumbered
        self.rows: list[Row] = []


class Fan:
    """Those who now play a source in one of its codecs, laid out for one system call.

    A packet changes only the octets that differ: offsets, addresses and headers stay as they are
    until somebody joins or leaves, and then the fan is built anew.
    """

    def __init__(
        self,
        sock: socket.socket,
        members: Sequence[tuple[Forward, Codec]],
        stats: EngineStats,
        *,
        batched: bool,
    ) -> None:
        self._stats = stats
        self._members = [forward for forward, _ in members]
        self._outbox = Outbox(
            sock,
            [(forward.buffer, forward.leg.endpoint) for forward in self._members],
            batched=batched,
        )
        self.packets = self.octets = 0
        "Sent to each member and not yet settled; the octets are those of payloads."
        groups: dict[tuple[Any, bool], _Group] = {}
        self._sealed: list[tuple[Callable[[int, bytes], None], int, memoryview, Any, Forward]] = []
        "Those who are to be able to have the same ciphertext again."
        for (forward, codec), length in zip(members, self._outbox.lengths, strict=True):
            renumbered = codec.name == "VP8" and forward.numbers.changes_anything
            key = (forward.header.shape, renumbered)
            if key not in groups:
                groups[key] = _Group(forward.header, renumbered)
            groups[key].rows.append(
                (
                    forward.leg.outbound.pointer,
                    forward.buffer.pointer,
                    length,
                    forward.buffer.view,
                    codec.payload_type,
                    forward.rewriter.sequence_offset & 0xFFFF,
                    forward.rewriter.timestamp_offset,
                    forward.header.fixed,
                    forward,
                )
            )
            if forward.sealed is not None:
                ahead = forward.rewriter.sequence_offset
                view = forward.buffer.view
                self._sealed.append((forward.sealed.keep, ahead, view, length, forward))
        self._groups = list(groups.values())

    def send(self, packet: SentPacket, descriptor: Descriptor | None, stamp_time: int) -> None:
        """Rewrite, encrypt and send `packet` to every member."""
        if not self._members:
            return
        sequence, timestamp, marker, _, payload, level = packet
        protect = srtp.protect
        unsealed: list[Forward] = []
        octets = 0
        for group in self._groups:
            stamp = group.header.stamp(stamp_time, level)
            tail = stamp + payload
            fixed_length = len(group.header.fixed)
            pack = _layout(fixed_length, len(tail))
            end = 8 + fixed_length + len(tail)
            octets += end * len(group.rows)
            renumbered = group.renumbered and descriptor is not None
            for session, pointer, length, view, kind, ahead, later, fixed, forward in group.rows:
                if renumbered and descriptor is not None:
                    tail = stamp + forward.numbers.rewrite(payload, descriptor)
                pack(
                    view,
                    1,
                    marker | kind,
                    sequence + ahead & 0xFFFF,
                    timestamp + later & 0xFFFFFFFF,
                    fixed,
                    tail,
                )
                length[0] = end
                if protect(session, pointer, length):
                    unsealed.append(forward)
        self.packets += 1
        self.octets += len(payload)
        refused = self._send_except(unsealed) if unsealed else self._outbox.send()
        for keep, ahead, view, length, forward in self._sealed:
            if not unsealed or forward not in unsealed:
                keep(sequence + ahead, bytes(view[: length[0]]))
        stats = self._stats
        if refused:
            stats.dropped_send += len(refused) - len(unsealed)
            for index in refused:
                self._members[index].packets -= 1
                self._members[index].octets -= len(payload)
        stats.packets_forwarded += len(self._members) - len(refused)
        stats.bytes_forwarded += octets * (len(self._members) - len(refused)) // len(self._members)

    def settle(self) -> None:
        """Add what was sent to the members' own counters."""
        for forward in self._members:
            forward.packets += self.packets
            forward.octets += self.octets
        self.packets = self.octets = 0

    def _send_except(self, unsealed: Sequence[Forward]) -> list[int]:
        """libsrtp refused some; what lies in their buffers must not leave."""
        return [
            index
            for index, forward in enumerate(self._members)
            if forward in unsealed or not self._outbox.send_one(index)
        ]
