"""Asking for what is missing, and being asked without being used."""

from __future__ import annotations

import pytest

from media.core.nack import (
    ASK_AGAIN_AFTER,
    MOST_OUTSTANDING,
    MOST_TRIES,
    NAMES_PER_SECOND,
    RESENDS_AT_ONCE,
    LossTracker,
    ResendLimit,
)


@pytest.mark.parametrize("first", [0, 1, 32_767, 32_768, 65_534, 65_535])
def test_what_was_passed_over_is_asked_for_at_once_and_only_once_a_while(first: int) -> None:
    losses = LossTracker()

    losses.skipped(first, first + 2, now=5.0)

    assert losses.take_due(now=5.0) == [first, first + 1, first + 2]
    assert losses.take_due(now=5.0 + ASK_AGAIN_AFTER / 2) == []
    assert losses.take_due(now=5.0 + ASK_AGAIN_AFTER) == [first, first + 1, first + 2]


def test_what_arrived_is_not_asked_for() -> None:
    losses = LossTracker()
    losses.skipped(7, 8, now=5.0)

    losses.arrived(7)

    assert losses.take_due(now=5.0) == [8]


def test_a_packet_that_never_comes_is_given_up_after_some_tries() -> None:
    losses = LossTracker()
    losses.skipped(7, 7, now=5.0)

    asked = [losses.take_due(now=5.0 + step) for step in range(MOST_TRIES + 3)]

    assert sum(map(len, asked)) == MOST_TRIES
    assert len(losses) == 0
    assert losses.take_given_up()
    assert not losses.take_given_up()


def test_a_great_loss_is_left_to_a_keyframe() -> None:
    losses = LossTracker()

    losses.skipped(7, 7 + MOST_OUTSTANDING, now=5.0)

    assert losses.take_due(now=5.0) == []
    assert losses.take_given_up()


def test_one_packet_is_not_repeated_twice_within_a_round_trip() -> None:
    limit = ResendLimit()

    limit.round_trip_measured(0.08)

    assert limit.allows(7, now=5.0)
    assert not limit.allows(7, now=5.07)
    assert limit.allows(8, now=5.07)
    assert limit.allows(7, now=5.09)


def test_a_receiver_that_claims_a_long_round_trip_is_still_served() -> None:
    limit = ResendLimit()
    limit.round_trip_measured(60_000.0)
    limit.allows(7, now=5.0)

    assert limit.allows(7, now=5.5)


def test_a_storm_of_requests_is_answered_within_bounds() -> None:
    limit = ResendLimit()

    repeated = sum(limit.allows(step % 3_000, now=5.0 + step / 10_000) for step in range(20_000))

    assert RESENDS_AT_ONCE <= repeated <= RESENDS_AT_ONCE + 2 * 500 + 1


def test_a_receiver_that_names_everything_is_heard_out_only_so_far() -> None:
    limit = ResendLimit()

    looked_at = sum(limit.hears_of(8_500, now=5.0 + step / 100) for step in range(101))

    assert looked_at == 2 * NAMES_PER_SECOND
    assert limit.hears_of(3, now=7.0) == 3
