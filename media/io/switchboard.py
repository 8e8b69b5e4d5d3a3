"""Takes the STUN and DTLS of the one media port to the peers they are for."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog
from aioice.ice import get_host_addresses

from media.core import stun
from media.engine.port import Address, Engine
from media.io.sdp import Offer
from media.io.transport import CERTIFICATE_S, Certificate, Owner, Peer, new_certificate

log = structlog.get_logger(__name__)

PROBES = 256
PROBE_S = 3.0
"A check of ours that was not answered for so long is forgotten."


@dataclass(slots=True)
class Counters:
    """What was dropped here since the start."""

    malformed: int = 0
    "Datagrams that began like STUN and were not a Binding message of ours."
    unknown_user: int = 0
    "Checks for a user name nobody has."
    unauthentic: int = 0
    "Checks made without the password."
    address_taken: int = 0
    "Authentic checks from an address that is in use by another peer."


@dataclass(frozen=True, slots=True)
class _Probe:
    peer: Peer
    source: Address
    password: bytes
    sent_at: float


class Switchboard:
    """The engine's `ControlPlane`.

    Checks are told apart by their user name, answers by their transaction, DTLS by its address,
    which belongs to the peer whose check last proved it (ASVS 17.2.6). Unauthentic datagrams are
    counted and not answered, so nobody is sent anything they did not ask for.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        announced_ip: str | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.counters = Counters()
        self._announced_ip = announced_ip
        self._now = now
        self._listening: dict[str, Peer] = {}
        self._at: dict[Address, Peer] = {}
        self._probes: dict[bytes, _Probe] = {}
        self._tie_breaker = secrets.randbits(64)
        self._certificate: tuple[float, Certificate] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._addresses: tuple[Address, ...] = ()

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where clients reach the media port, the best first. Only known once it is bound."""
        if not self._addresses:
            host, port = self.engine.local_address
            if self._announced_ip is not None:
                hosts = [self._announced_ip]
            elif host in ("0.0.0.0", "::"):
                found = get_host_addresses(use_ipv4=True, use_ipv6=host == "::")
                hosts = sorted(found, key=lambda each: ":" in each) or ["127.0.0.1"]
            else:
                hosts = [host]
            self._addresses = tuple((each, port) for each in hosts)
        return self._addresses

    @property
    def peers(self) -> set[Peer]:
        return set(self._listening.values())

    def open(self, owner: Owner, offer: Offer) -> Peer:
        """A transport for a client that made this offer; it connects when the client does."""
        peer = Peer(
            self,
            owner,
            offer.credentials,
            offer.fingerprints,
            we_are_client=offer.we_are_client,
            now=self._now(),
        )
        self.listen_for(peer.local.ufrag, peer)
        return peer

    def tick(self, now: float) -> None:
        """Close peers that never came or are gone. To be called every second or so."""
        for peer in self.peers:
            peer.tick(now)
        for transaction in [t for t, p in self._probes.items() if now - p.sent_at > PROBE_S]:
            del self._probes[transaction]

    async def close(self) -> None:
        """Close every peer and wait until each was told."""
        for peer in self.peers:
            peer.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    # --- ControlPlane ---

    def stun_received(self, data: bytes, source: Address) -> None:
        message = stun.read(data)
        if message is None or message.kind is stun.Kind.ERROR:
            self.counters.malformed += 1
        elif message.kind is stun.Kind.RESPONSE:
            self._answered(message, data, source)
        else:
            peer = self._listening.get(message.username.partition(":")[0])
            if peer is None:
                self.counters.unknown_user += 1
            else:
                peer.check(message, data, source, self._now())

    def dtls_received(self, data: bytes, source: Address) -> None:
        peer = self._at.get(source)
        if peer is not None:
            peer.dtls(data, source)

    # --- for peers ---

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def certificate(self, now: float) -> Certificate:
        if self._certificate is None or now - self._certificate[0] > CERTIFICATE_S:
            self._certificate = (now, new_certificate())
        return self._certificate[1]

    def listen_for(self, ufrag: str, peer: Peer) -> None:
        self._listening[ufrag] = peer

    def stop_listening_for(self, ufrag: str) -> None:
        self._listening.pop(ufrag, None)

    def give_address(self, address: Address, peer: Peer, now: float) -> bool:
        """Whether `peer` may have the address: it is free, or its owner went silent there.

        Without this a participant could take another's address by forging it on a check.
        """
        owner = self._at.get(address)
        if owner is not None and owner is not peer:
            if owner.heard_from(address, now):
                self.counters.address_taken += 1
                return False
            owner.lose(address)
        self._at[address] = peer
        return True

    def release(self, address: Address) -> None:
        if self._at.pop(address, None) is not None:
            self.engine.dismiss(address)

    def forget(self, peer: Peer, ufrags: list[str], addresses: list[Address]) -> None:
        for ufrag in ufrags:
            self.stop_listening_for(ufrag)
        for address in addresses:
            if self._at.get(address) is peer:
                self.release(address)

    def count_unauthentic(self) -> None:
        self.counters.unauthentic += 1

    def probe(self, peer: Peer, source: Address, now: float) -> None:
        """Ask the client there to prove itself; `peer.proved` is called when it does."""
        if len(self._probes) >= PROBES:
            return
        transaction = secrets.token_bytes(12)
        password = peer.remote.password.encode()
        self._probes[transaction] = _Probe(peer, source, password, now)
        username = f"{peer.remote.ufrag}:{peer.local.ufrag}"
        check = stun.ask(transaction, username, self._tie_breaker, password)
        self.engine.send(check, source)

    # --- inside ---

    def _answered(self, message: stun.Message, data: bytes, source: Address) -> None:
        probe = self._probes.get(message.transaction)
        if probe is None or source != probe.source:
            return
        if stun.is_authentic(message, data, probe.password):
            del self._probes[message.transaction]
            probe.peer.proved(source)
        else:
            self.counters.unauthentic += 1

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("transport task failed", exc_info=error)
