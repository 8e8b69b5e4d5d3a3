"""Who a datagram is for, and who may speak from where."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from aioice import stun as theirs
from aiortc.rtcdtlstransport import RTCDtlsTransport

from media.core import stun
from media.engine.port import Address, EngineStats, LegId
from media.io import transport
from media.io.sdp import Credentials, Fingerprint, Offer
from media.io.switchboard import Switchboard
from media.io.transport import CONNECT_WITHIN_S, CONSENT_S, KEEP_ADDRESS_S, Peer

HOME, AWAY = ("192.0.2.1", 5000), ("198.51.100.1", 6000)


@dataclass
class SilentEngine:
    """Remembers what it was asked to send and whom to let in."""

    sent: list[tuple[bytes, Address]] = field(default_factory=list)
    admitted: set[Address] = field(default_factory=set)
    stats: EngineStats = field(default_factory=EngineStats)
    name: str = "reference"
    local_address: Address = ("0.0.0.0", 4000)

    def send(self, data: bytes, target: Address) -> None:
        self.sent.append((data, target))

    def admit(self, address: Address) -> None:
        self.admitted.add(address)

    def dismiss(self, address: Address) -> None:
        self.admitted.discard(address)

    def close_leg(self, leg: LegId) -> None:
        raise AssertionError("nobody connected")


@dataclass
class Owner:
    ended: int = 0

    def connected(self, peer: Peer) -> None:
        raise AssertionError("nobody connects here")

    def closed(self, peer: Peer) -> None:
        self.ended += 1


class Bench:
    def __init__(self) -> None:
        self.now = 1000.0
        self.engine = SilentEngine()
        self.board = Switchboard(self.engine, now=lambda: self.now)  # type: ignore[arg-type]
        self.owner = Owner()

    def peer(self) -> Peer:
        offer = Offer(
            lines=(),
            credentials=Credentials("client", "c" * 24),
            fingerprints=(Fingerprint("sha-256", "AB"),),
            we_are_client=False,
        )
        return self.board.open(self.owner, offer)

    def check(
        self, peer: Peer, source: Address, *, password: str | None = None, nominate: bool = True
    ) -> None:
        request = theirs.Message(theirs.Method.BINDING, theirs.Class.REQUEST)
        request.attributes["USERNAME"] = f"{peer.local.ufrag}:client"
        request.attributes["PRIORITY"] = 1
        if nominate:
            request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity((password or peer.local.password).encode())
        self.board.stun_received(bytes(request), source)

    def answered(self, target: Address) -> int:
        return len([1 for data, to in self.engine.sent if to == target and data[:2] == b"\x01\x01"])


@pytest.fixture
async def bench() -> Bench:
    return Bench()


def test_aiortc_still_has_everything_we_borrow_from_it() -> None:
    missing = [
        f"{owner.__name__}.{name}"
        for owner, names in transport.BORROWED.items()
        for name in names
        if not callable(getattr(owner, name, None))
    ]

    assert missing == []


async def test_the_attributes_we_read_of_aiortc_are_there(bench: Bench) -> None:
    handshake = bench.peer()._handshake

    for name in ("_ssl", "_state", "_role", "_srtp_profiles", "encrypted"):
        assert hasattr(handshake, name), name
    assert isinstance(handshake, RTCDtlsTransport)
    assert handshake._role == "server"


async def test_an_authentic_check_is_answered_and_lets_its_address_in(bench: Bench) -> None:
    peer = bench.peer()

    bench.check(peer, HOME)

    assert bench.answered(HOME) == 1
    assert bench.engine.admitted == {HOME}


async def test_a_check_with_a_wrong_password_or_user_gets_no_answer(bench: Bench) -> None:
    peer = bench.peer()
    other = Credentials("nobody0123456789", "x" * 24)

    bench.check(peer, HOME, password="x" * 24)
    peer.local, real = other, peer.local
    bench.check(peer, HOME)
    peer.local = real

    assert bench.engine.sent == []
    assert bench.engine.admitted == set()
    assert (bench.board.counters.unauthentic, bench.board.counters.unknown_user) == (1, 1)


async def test_an_address_in_use_cannot_be_taken_by_forging_it(bench: Bench) -> None:
    victim, thief = bench.peer(), bench.peer()
    bench.check(victim, HOME)

    bench.check(thief, HOME)

    assert bench.answered(HOME) == 1
    assert bench.board.counters.address_taken == 1


async def test_an_address_nobody_was_heard_from_lately_is_given_to_who_comes(bench: Bench) -> None:
    old, new = bench.peer(), bench.peer()
    bench.check(old, HOME)

    bench.now += KEEP_ADDRESS_S + 1
    bench.check(new, HOME)
    old.close()

    assert bench.answered(HOME) == 2
    assert bench.engine.admitted == {HOME}


async def test_a_peer_that_never_comes_is_closed(bench: Bench) -> None:
    peer = bench.peer()

    bench.board.tick(bench.now + CONNECT_WITHIN_S - 1)
    early = peer.is_closed
    bench.board.tick(bench.now + CONNECT_WITHIN_S + 1)

    assert (early, peer.is_closed, bench.owner.ended) == (False, True, 1)
    assert bench.board.peers == set()


async def test_a_closed_peer_leaves_no_address_and_no_name_behind(bench: Bench) -> None:
    peer = bench.peer()
    bench.check(peer, HOME)
    bench.check(peer, AWAY)

    peer.close()
    peer.close()
    bench.check(peer, HOME)

    assert bench.engine.admitted == set()
    assert bench.board.counters.unknown_user == 1
    assert bench.owner.ended == 1


async def test_addresses_of_one_peer_are_bounded(bench: Bench) -> None:
    peer = bench.peer()

    for n in range(200):
        bench.now += 0.01
        bench.check(peer, ("192.0.2.1", 1000 + n), nominate=False)

    assert len(bench.engine.admitted) == transport.ADDRESSES_OF_ONE_PEER
    peer.close()


async def test_after_an_ice_restart_the_old_name_works_until_the_new_one_is_used(
    bench: Bench,
) -> None:
    peer = bench.peer()
    before = peer.local

    peer.restart(Credentials("fresh", "f" * 24))
    after = peer.local
    peer.local = before
    bench.check(peer, HOME)
    peer.local = after
    bench.check(peer, HOME)
    peer.local = before
    bench.check(peer, HOME)

    assert bench.answered(HOME) == 2
    assert bench.board.counters.unknown_user == 1


async def test_offering_the_same_credentials_again_is_no_restart(bench: Bench) -> None:
    peer = bench.peer()
    before = peer.local

    peer.restart(Credentials("client", "c" * 24))

    assert peer.local == before


async def test_user_names_are_long_and_never_the_same(bench: Bench) -> None:
    names = {bench.peer().local.ufrag for _ in range(1_000)}

    assert len(names) == 1_000
    assert min(len(name) for name in names) >= 8


async def test_rubbish_that_looks_like_stun_is_counted_and_nothing_else(bench: Bench) -> None:
    bench.peer()

    for junk in (b"\x00", b"\x00\x01" + bytes(18), bytes(2000)):
        bench.board.stun_received(junk, AWAY)
    bench.board.dtls_received(b"\x16\xfe\xfd", AWAY)

    assert bench.board.counters.malformed == 3
    assert bench.engine.sent == []


async def test_an_answer_to_a_question_we_never_asked_moves_nobody(bench: Bench) -> None:
    peer = bench.peer()
    bench.check(peer, HOME)

    forged = stun.answer(bytes(12), AWAY, peer.remote.password.encode())
    bench.board.stun_received(forged, AWAY)

    assert peer._target == HOME


async def test_a_pod_bound_to_every_address_announces_real_ones() -> None:
    everywhere = Bench().board.addresses
    announced = Switchboard(SilentEngine(), announced_ip="203.0.113.5").addresses  # type: ignore[arg-type]

    assert "0.0.0.0" not in [host for host, _ in everywhere]
    assert announced == (("203.0.113.5", 4000),)


def test_consent_outlives_a_break_of_twenty_seconds() -> None:
    # The client's next check may be 6 s away when the break ends.
    assert CONSENT_S >= 20 + 6
