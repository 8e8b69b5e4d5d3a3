"""When a room is claimed, dropped or spoken for again."""

from __future__ import annotations

from infra.contract.ids import RoomId, new_id
from media.io.lease import OUTAGE_S, Leases, Verdict

ROOM = RoomId(new_id())


def held_since(now: float) -> Leases:
    leases = Leases()
    leases.took(ROOM, now=now)
    return leases


def test_a_renewed_lease_calls_for_nothing() -> None:
    leases = held_since(10.0)

    assert leases.answered({ROOM: "held"}, asked_at=11.0) == Verdict()
    assert leases.is_fresh(ROOM, now=15.9)
    assert not leases.is_fresh(ROOM, now=16.1)


def test_a_lease_nobody_holds_is_claimed_every_two_seconds() -> None:
    leases = held_since(10.0)

    claims = [leases.answered({ROOM: "missing"}, asked_at=t).claim for t in (11.0, 12.0, 13.0)]

    assert claims == [(ROOM,), (), (ROOM,)]


def test_a_room_is_dropped_when_found_lost_twice_in_a_row() -> None:
    leases = held_since(10.0)

    first = leases.answered({ROOM: "lost"}, asked_at=11.0)
    second = leases.answered({ROOM: "lost"}, asked_at=12.0)

    assert (first.drop, second.drop) == ((), (ROOM,))


def test_an_order_that_crossed_with_the_renewal_saves_the_room() -> None:
    leases = held_since(10.0)

    leases.answered({ROOM: "lost"}, asked_at=11.0)
    leases.took(ROOM, now=11.5)

    assert leases.answered({ROOM: "lost"}, asked_at=12.0).drop == ()


def test_without_redis_rooms_are_kept_for_a_minute() -> None:
    leases = held_since(10.0)
    leases.answered({ROOM: "held"}, asked_at=10.0)

    assert leases.unanswered(now=10.0 + OUTAGE_S - 1).drop == ()
    assert leases.unanswered(now=10.0 + OUTAGE_S).drop == (ROOM,)


def test_a_pod_that_never_reached_redis_gets_its_minute_too() -> None:
    leases = held_since(1000.0)

    assert leases.unanswered(now=1000.0).drop == ()
    assert leases.unanswered(now=1000.0 + OUTAGE_S).drop == (ROOM,)


def test_what_could_not_be_said_during_an_outage_is_said_after_it() -> None:
    leases = held_since(10.0)

    assert leases.answered({ROOM: "held"}, asked_at=30.0).regained == (ROOM,)
    assert leases.answered({ROOM: "held"}, asked_at=31.0).regained == ()


def test_a_room_that_was_left_is_nobodys_business() -> None:
    leases = held_since(10.0)
    leases.left(ROOM)

    assert leases.answered({ROOM: "lost"}, asked_at=11.0) == Verdict()
    assert not leases.is_fresh(ROOM, now=10.0)
