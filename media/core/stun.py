"""The part of STUN an ICE lite agent speaks: connectivity checks (RFC 8489, RFC 8445)."""

from __future__ import annotations

import hmac
import socket
import struct
import zlib
from dataclasses import dataclass
from enum import Enum

COOKIE = 0x2112A442
HEADER_BYTES = 20
INTEGRITY_BYTES = 24
FINGERPRINT_BYTES = 8
FINGERPRINT_XOR = 0x5354554E

USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
XOR_MAPPED_ADDRESS = 0x0020
PRIORITY = 0x0024
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028
ICE_CONTROLLED = 0x8029

PEER_REFLEXIVE_PRIORITY = 110 << 24 | 65_535 << 8 | 255
"RFC 8445, section 5.1.2.1, for a peer reflexive candidate of component 1."

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")


class Kind(Enum):
    REQUEST = 0x0001
    RESPONSE = 0x0101
    ERROR = 0x0111


@dataclass(frozen=True, slots=True)
class Message:
    """A well-formed Binding message. Nothing in it is true before :func:`is_authentic` said so."""

    kind: Kind
    transaction: bytes
    username: str
    "Empty when there was none: responses carry none."
    nominates: bool
    integrity_at: int | None
    "Where MESSAGE-INTEGRITY begins. Attributes after it are not authenticated, and not read."


def read(data: bytes) -> Message | None:
    """None for anything that is not a whole Binding message. Never raises."""
    if len(data) < HEADER_BYTES or len(data) % 4:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if cookie != COOKIE or length != len(data) - HEADER_BYTES:
        return None
    try:
        kind = Kind(kind)
    except ValueError:
        return None
    username = b""
    nominates = False
    at = HEADER_BYTES
    while at + 4 <= len(data):
        attribute, size = _ATTRIBUTE.unpack_from(data, at)
        if at + 4 + size > len(data):
            return None
        if attribute == MESSAGE_INTEGRITY:
            found = at if size == INTEGRITY_BYTES - 4 else None
            return _message(kind, transaction, username, nominates, found)
        if attribute == USERNAME:
            username = data[at + 4 : at + 4 + size]
        elif attribute == USE_CANDIDATE:
            nominates = True
        at += 4 + size + (-size) % 4
    return _message(kind, transaction, username, nominates, None)


def is_authentic(message: Message, data: bytes, password: bytes) -> bool:
    """Whether `data`, which was read as `message`, was made by somebody who knows the password."""
    at = message.integrity_at
    if at is None:
        return False
    claimed = data[at + 4 : at + INTEGRITY_BYTES]
    return hmac.compare_digest(claimed, _integrity(data[:at], password))


def answer(transaction: bytes, source: tuple[str, int], password: bytes) -> bytes:
    """The response to a check that came from `source`. Shorter than any authentic check."""
    body = _attribute(XOR_MAPPED_ADDRESS, _xor_address(source, transaction))
    return _signed(Kind.RESPONSE, transaction, body, password)


def ask(transaction: bytes, username: str, tie_breaker: int, password: bytes) -> bytes:
    """A check of our own, to see that a peer really is where it seems to have gone."""
    body = (
        _attribute(USERNAME, username.encode())
        + _attribute(PRIORITY, struct.pack("!I", PEER_REFLEXIVE_PRIORITY))
        + _attribute(ICE_CONTROLLED, struct.pack("!Q", tie_breaker))
    )
    return _signed(Kind.REQUEST, transaction, body, password)


def _message(
    kind: Kind, transaction: bytes, username: bytes, nominates: bool, integrity_at: int | None
) -> Message | None:
    try:
        return Message(kind, transaction, username.decode("ascii"), nominates, integrity_at)
    except UnicodeDecodeError:
        return None


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _integrity(before: bytes, password: bytes) -> bytes:
    # RFC 8489, section 14.5: the length field counts up to the end of MESSAGE-INTEGRITY itself.
    length = struct.pack("!H", len(before) - HEADER_BYTES + INTEGRITY_BYTES)
    return hmac.digest(password, before[:2] + length + before[4:], "sha1")


def _signed(kind: Kind, transaction: bytes, body: bytes, password: bytes) -> bytes:
    length = len(body) + INTEGRITY_BYTES + FINGERPRINT_BYTES
    message = _HEADER.pack(kind.value, length, COOKIE, transaction) + body
    message += _attribute(MESSAGE_INTEGRITY, _integrity(message, password))
    return message + _attribute(
        FINGERPRINT, struct.pack("!I", zlib.crc32(message) ^ FINGERPRINT_XOR)
    )


def _xor_address(source: tuple[str, int], transaction: bytes) -> bytes:
    family = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
    packed = socket.inet_pton(family, source[0])
    pad = struct.pack("!I", COOKIE) + transaction
    address = bytes(byte ^ mask for byte, mask in zip(packed, pad, strict=False))
    port = source[1] ^ (COOKIE >> 16)
    return struct.pack("!BBH", 0, 2 if family == socket.AF_INET6 else 1, port) + address
