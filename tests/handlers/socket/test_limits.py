from __future__ import annotations

import pytest

from handlers.socket.limits import FRAMES_PER_S, STRIKES, Allowance, Bucket


def test_a_bucket_gives_what_it_holds_and_wins_it_back() -> None:
    bucket = Bucket(2, per_s=10)

    taken = [bucket.take(now=now) for now in (0.0, 0.0, 0.0, 4.9, 5.0, 5.0, 100.0, 100.0, 100.0)]

    assert taken == [True, True, False, False, True, False, True, True, False]


@pytest.mark.parametrize(
    ("event", "size", "per_s"),
    [("chat.send", 10, 10), ("reaction.send", 5, 5), ("hand.raise", 2, 10)],
)
def test_each_event_has_its_own_allowance(event: str, size: int, per_s: float) -> None:
    allowance = Allowance()

    at_once = sum(allowance.event(event, now=0.0) for _ in range(50))
    later = sum(allowance.event(event, now=per_s) for _ in range(50))

    assert (at_once, later) == (size, size)
    assert allowance.event("ping", now=0.0)


def test_a_client_that_goes_on_regardless_is_spent() -> None:
    allowance = Allowance()

    heard = sum(allowance.frame(now=0.0) for _ in range(int(FRAMES_PER_S) + STRIKES - 1))
    patient = not allowance.spent
    allowance.frame(now=0.0)

    assert heard == FRAMES_PER_S
    assert patient
    assert allowance.spent


def test_a_pause_is_forgiven() -> None:
    allowance = Allowance()
    for _ in range(int(FRAMES_PER_S) + STRIKES - 1):
        allowance.frame(now=0.0)

    allowance.frame(now=1.0)

    assert not allowance.spent
