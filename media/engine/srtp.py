"""SRTP through libsrtp, in place in buffers that are allocated once (RFC 3711, RFC 7714).

Reaches behind pylibsrtp's public surface, whose version is pinned: its `Session` copies each
packet twice, and that is most of what a forwarded packet costs in Python.
"""

from __future__ import annotations

from collections.abc import Callable
from socket import htonl
from typing import Any, Final

from pylibsrtp import Policy, Session
from pylibsrtp import _binding as binding

from media.engine.port import SrtpProfile

ffi: Final[Any] = binding.ffi
_lib: Final[Any] = binding.lib

# Each takes the session's pointer, the packet's and that of its length, which it changes, and
# gives 0, or a status of libsrtp.
protect: Final[Callable[[Any, Any, Any], int]] = _lib.srtp_protect
unprotect: Final[Callable[[Any, Any, Any], int]] = _lib.srtp_unprotect
protect_rtcp: Final[Callable[[Any, Any, Any], int]] = _lib.srtp_protect_rtcp
unprotect_rtcp: Final[Callable[[Any, Any, Any], int]] = _lib.srtp_unprotect_rtcp

TRAILER = 64
"Room that protecting may need behind a packet: index, tag and rounding."

REPLAY_WINDOW = 1024
"Packets: how late one may come in, and how old a gap may be filled going out."

_PROFILES: Final = {
    SrtpProfile.AEAD_AES_128_GCM: (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    SrtpProfile.AES128_CM_SHA1_80: (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    SrtpProfile.AEAD_AES_256_GCM: (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}
"libsrtp's number of a profile, and the octets of its key and salt (RFC 5764, RFC 7714)."


class SrtpSession:
    """One direction of one association. Streams come into being with their first packet."""

    __slots__ = ("_session", "pointer")

    def __init__(self, profile: SrtpProfile, key: bytes, *, inbound: bool) -> None:
        """`key`: master key, then salt. Raises ValueError when it is not as long as it must be."""
        number, length = _PROFILES[profile]
        if len(key) != length:
            raise ValueError(f"{profile} needs {length} octets of key and salt, not {len(key)}")
        kind = Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND
        policy = Policy(key=key, ssrc_type=kind, srtp_profile=number)
        policy.window_size = REPLAY_WINDOW
        policy.allow_repeat_tx = False
        self._session = Session(policy=policy)
        self.pointer: Any = self._session._srtp[0]

    def forget(self, ssrc: int) -> None:
        """Free what libsrtp holds of one stream, its replay window included."""
        _lib.srtp_remove_stream(self.pointer, htonl(ssrc))
