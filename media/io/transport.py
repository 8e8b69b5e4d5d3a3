"""Transports over one shared UDP port: ICE lite, and aiortc's DTLS handshake.

The one module that reaches behind aiortc's public surface; :data:`BORROWED` names everything it
uses there, and a test fails when a new version lacks any of it. aiortc does the DTLS handshake and
checks the peer's certificate. Its RTP and SCTP never start: packets are the engine's business, and
nobody needs data channels.

We are an ICE lite agent (RFC 8445, section 2.5): we answer authentic checks and go where the client
nominates. No address a client merely claims is ever sent anything, candidates cost nothing, and a
client whose address changes is followed as soon as its checks come from the new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import string
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog
from aiortc import rtcdtlstransport as dtls
from OpenSSL import SSL

from media.core import stun
from media.engine.port import Address, Engine, LegId, SrtpKeys, SrtpProfile
from media.io.sdp import Credentials, Fingerprint

log = structlog.get_logger(__name__)

CONNECT_WITHIN_S = 20.0
"From the answer to the end of the DTLS handshake. Longer: orphans stay; shorter: slow TURN fails."
CONSENT_S = 30.0
"Without an authentic check for so long, the client is gone (RFC 7675, section 5.1)."
MOVE_AFTER_S = 3.0
"An address silent for so long gives way to one that checks come from, nominated or not."
KEEP_ADDRESS_S = 10.0
"An address belongs to whoever proved it, until silent for so long."
ADDRESSES_OF_ONE_PEER = 16
PIPE_DATAGRAMS = 64
"DTLS datagrams waiting for the handshake; more are dropped, and sent again by the peer."
CERTIFICATE_S = 86_400.0
"A certificate serves new connections for a day."

BORROWED: dict[type, tuple[str, ...]] = {
    dtls.RTCDtlsTransport: (
        "_do_handshake",
        "_recv_next",
        "_set_role",
        "_set_state",
        "_setup_srtp",
        "_validate_peer_identity",
        "_write_ssl",
    ),
    dtls.RTCCertificate: ("_create_ssl_context", "generateCertificate", "getFingerprints"),
    dtls.SRTPProtectionProfile: ("get_key_and_salt",),
}
"Methods of aiortc that :class:`_Handshake` and :class:`Certificate` call, replace or rely on."

_PROFILES = {
    SrtpProfile.AEAD_AES_128_GCM: dtls.SRTP_AEAD_AES_128_GCM,
    SrtpProfile.AES128_CM_SHA1_80: dtls.SRTP_AES128_CM_SHA1_80,
    SrtpProfile.AEAD_AES_256_GCM: dtls.SRTP_AEAD_AES_256_GCM,
}
DTLS_1_2 = 0xFEFD
"RFC 6347, section 4.1."
_ICE_CHARS = string.ascii_letters + string.digits + "+/"


class Certificate(dtls.RTCCertificate):
    """One key pair and one TLS context for many connections. A context costs half a millisecond."""

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[Any]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            self._context.set_min_proto_version(DTLS_1_2)
        return self._context


class _Handshake(dtls.RTCDtlsTransport):
    """aiortc's DTLS, which gives us the exported keys instead of starting SRTP with them."""

    def __init__(self, pipe: _Pipe, certificate: Certificate, *, we_are_client: bool) -> None:
        super().__init__(pipe, [certificate])  # type: ignore[arg-type]
        self._srtp_profiles = list(_PROFILES.values())
        self._set_role("client" if we_are_client else "server")
        self.keys: SrtpKeys | None = None

    def _setup_srtp(self) -> None:
        assert self._ssl is not None
        chosen = self._ssl.get_selected_srtp_profile()
        names = [name for name, each in _PROFILES.items() if each.openssl_profile == chosen]
        if not names:
            self._set_state(dtls.State.FAILED)
            return
        profile = _PROFILES[names[0]]
        # RFC 5764, section 4.2: both write keys, then both salts, the client's first.
        length = 2 * (profile.key_length + profile.salt_length)
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", length)
        ours = 1 if self._role == "server" else 0
        self.keys = SrtpKeys(
            profile=names[0],
            outbound=profile.get_key_and_salt(material, ours),
            inbound=profile.get_key_and_salt(material, 1 - ours),
        )

    async def stop(self) -> None:
        await super().stop()
        # aiortc says nothing to a peer whose certificate is not the one it announced.
        if self._state == dtls.State.FAILED and self._ssl is not None and self.encrypted:
            with contextlib.suppress(SSL.Error):
                self._ssl.shutdown()
            await self._write_ssl()


class _Pipe:
    """What aiortc's DTLS asks of an ICE transport."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._out = send
        self._in: asyncio.Queue[bytes | None] = asyncio.Queue(PIPE_DATAGRAMS)
        self._closed = False

    def put(self, data: bytes) -> None:
        if not self._in.full():
            self._in.put_nowait(data)

    def close(self) -> None:
        """Let the reader find out. What was waiting to be read is forgotten."""
        self._closed = True
        while not self._in.empty():
            self._in.get_nowait()
        self._in.put_nowait(None)

    async def _recv(self) -> bytes:
        data = None if self._closed else await self._in.get()
        if data is None:
            raise ConnectionError("the transport is closed")
        return data

    async def _send(self, data: bytes) -> None:
        self._out(data)


class Board(Protocol):
    """What a peer asks of the switchboard it hangs on."""

    @property
    def engine(self) -> Engine: ...

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...

    def certificate(self, now: float) -> Certificate: ...

    def listen_for(self, ufrag: str, peer: Peer) -> None: ...

    def stop_listening_for(self, ufrag: str) -> None: ...

    def give_address(self, address: Address, peer: Peer, now: float) -> bool: ...

    def release(self, address: Address) -> None: ...

    def forget(self, peer: Peer, ufrags: list[str], addresses: list[Address]) -> None: ...

    def probe(self, peer: Peer, source: Address, now: float) -> None: ...

    def count_unauthentic(self) -> None: ...


class Owner(Protocol):
    """Told what becomes of a peer: `connected` at most once, `closed` once, before the leg goes."""

    def connected(self, peer: Peer) -> None: ...

    def closed(self, peer: Peer) -> None: ...


class Peer:
    """One client's transport, from the answer to its offer until it is closed."""

    def __init__(
        self,
        board: Board,
        owner: Owner,
        remote: Credentials,
        fingerprints: tuple[Fingerprint, ...],
        *,
        we_are_client: bool,
        now: float,
    ) -> None:
        self._board = board
        self._owner = owner
        self.remote = remote
        self.local = _credentials()
        self._passwords = {self.local.ufrag: self.local.password.encode()}
        self._pipe = _Pipe(self._send)
        self._certificate = board.certificate(now)
        self._handshake = _Handshake(self._pipe, self._certificate, we_are_client=we_are_client)
        self._handshake.on("statechange", self._handshake_changed)
        self._expected = [dtls.RTCDtlsFingerprint(f.algorithm, f.value) for f in fingerprints]
        self._opened_at = now
        self.heard_at = now
        "When the last authentic check came."
        self._heard: dict[Address, float] = {}
        self._target: Address | None = None
        self._task: asyncio.Task[None] | None = None
        self.leg: LegId | None = None
        "Set while connected."
        self.is_closed = False

    @property
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        """Of the certificate we show: SHA-256, which everybody knows."""
        found = self._certificate.getFingerprints()
        return tuple(Fingerprint(f.algorithm, f.value) for f in found if f.algorithm == "sha-256")

    @property
    def is_connected(self) -> bool:
        return self.leg is not None

    def restart(self, remote: Credentials) -> None:
        """Take new credentials on both sides (RFC 8839, section 4.4.3.1.1).

        The old ones go on working until a check under the new ones arrives. Credentials that are
        in use already change nothing.
        """
        if remote == self.remote:
            return
        self.remote = remote
        self.local = _credentials()
        self._passwords[self.local.ufrag] = self.local.password.encode()
        self._board.listen_for(self.local.ufrag, self)

    def close(self) -> None:
        """Tell the client, free everything. Closing again changes nothing."""
        if self.is_closed:
            return
        self.is_closed = True
        self._board.forget(self, list(self._passwords), list(self._heard))
        if self._task is not None:
            self._task.cancel()
        self._board.run(self._say_goodbye())
        self._owner.closed(self)
        if self.leg is not None:
            self._board.engine.close_leg(self.leg)
            self.leg = None

    async def _say_goodbye(self) -> None:
        await self._handshake.stop()
        self._pipe.close()

    # --- called by the switchboard ---

    def check(self, message: stun.Message, data: bytes, source: Address, now: float) -> None:
        """A Binding request for one of our user names."""
        ufrag = message.username.partition(":")[0]
        password = self._passwords[ufrag]
        if not stun.is_authentic(message, data, password):
            self._board.count_unauthentic()
            return
        if not self._board.give_address(source, self, now):
            return
        self.heard_at = now
        if source not in self._heard:
            self._board.engine.admit(source)
            if self.leg is not None:
                self._board.engine.hear_leg(self.leg, source)
        self._heard[source] = now
        self._board.engine.send(stun.answer(message.transaction, source, password), source)
        restarted = ufrag == self.local.ufrag and len(self._passwords) > 1
        if restarted:
            self._drop_old_credentials()
        self._choose(source, message.nominates or restarted, now)
        self._drop_surplus_addresses()

    def heard_from(self, address: Address, now: float) -> bool:
        """Whether an authentic check came from there of late."""
        return now - self._heard.get(address, float("-inf")) < KEEP_ADDRESS_S

    def lose(self, address: Address) -> None:
        """The address now belongs to somebody else."""
        self._heard.pop(address, None)

    def proved(self, source: Address) -> None:
        """The client answered our check there, so that is where it is."""
        if source in self._heard and not self.is_closed:
            self._target = source
            if self.leg is not None:
                self._board.engine.move_leg(self.leg, source)

    def dtls(self, data: bytes, source: Address) -> None:
        if self.leg is None:
            self._target = source
        self._pipe.put(data)

    def tick(self, now: float) -> None:
        late = not self.is_connected and now - self._opened_at > CONNECT_WITHIN_S
        if late or now - self.heard_at > CONSENT_S:
            self.close()
            return
        for address in [a for a, at in self._heard.items() if now - at > CONSENT_S]:
            if address != self._target:
                self._dismiss(address)

    # --- inside ---

    def _choose(self, source: Address, nominates: bool, now: float) -> None:
        if self._target is None or (self.leg is None and nominates):
            self._target = source
            if self._task is None:
                self._task = self._board.run(self._connect())
        elif source != self._target:
            silent = now - self._heard.get(self._target, 0.0) > MOVE_AFTER_S
            if nominates or silent:
                # Media goes nowhere on the strength of a datagram whose source may be forged.
                self._board.probe(self, source, now)

    async def _connect(self) -> None:
        await self._handshake.start(dtls.RTCDtlsParameters(fingerprints=self._expected))
        keys, target = self._handshake.keys, self._target
        if keys is None or target is None or self._handshake.state != "connected":
            log.info("handshake failed", state=self._handshake.state)
            self.close()
            return
        self.leg = self._board.engine.open_leg(target, keys)
        for address in self._heard:
            self._board.engine.hear_leg(self.leg, address)
        self._owner.connected(self)

    def _handshake_changed(self) -> None:
        if self._handshake.state == "closed":
            self.close()

    def _send(self, data: bytes) -> None:
        if self._target is not None:
            self._board.engine.send(data, self._target)

    def _drop_old_credentials(self) -> None:
        for ufrag in [u for u in self._passwords if u != self.local.ufrag]:
            del self._passwords[ufrag]
            self._board.stop_listening_for(ufrag)

    def _drop_surplus_addresses(self) -> None:
        while len(self._heard) > ADDRESSES_OF_ONE_PEER:
            others = {a: at for a, at in self._heard.items() if a != self._target}
            self._dismiss(min(others, key=others.__getitem__))

    def _dismiss(self, address: Address) -> None:
        del self._heard[address]
        self._board.release(address)


def new_certificate() -> Certificate:
    certificate: Certificate = Certificate.generateCertificate()
    return certificate


def _credentials() -> Credentials:
    """Long and random: 16 characters of user name are the key of the demultiplexer."""

    def chars(count: int) -> str:
        return "".join(secrets.choice(_ICE_CHARS) for _ in range(count))

    return Credentials(chars(16), chars(24))
