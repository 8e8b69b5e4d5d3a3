"""Two clocks of one publisher, seen from here."""

from __future__ import annotations

import pytest

from media.core.clock import MediaClock, WallOffset, from_ntp, to_ntp


def test_ntp_times_are_unix_times_and_back() -> None:
    assert from_ntp(to_ntp(1_700_000_000.25)) == pytest.approx(1_700_000_000.25, abs=1e-6)
    assert to_ntp(0.0) >> 32 == 2_208_988_800


@pytest.mark.parametrize("reported", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF])
def test_media_time_and_wall_time_lead_to_each_other(reported: int) -> None:
    clock = MediaClock()
    clock.relate(1_000.0, reported)

    timestamp = clock.timestamp_at(1_002.5, 48_000)

    assert timestamp == (reported + 120_000) & 0xFFFFFFFF
    assert clock.wall_at(timestamp, 48_000) == pytest.approx(1_002.5)
    assert clock.wall_at((reported - 48_000) & 0xFFFFFFFF, 48_000) == pytest.approx(999.0)


def test_nothing_is_known_before_the_first_report() -> None:
    clock = MediaClock()

    assert clock.wall_at(0, 48_000) is None
    assert clock.timestamp_at(0.0, 48_000) is None


def test_reports_that_travelled_longer_do_not_move_a_publisher_in_time() -> None:
    offset = WallOffset()

    offset.observe(500.0, wall=1_000.0)
    offset.observe(501.0, wall=1_001.3)

    assert offset.seconds == 500.0


def test_a_publisher_whose_clock_was_set_is_followed() -> None:
    offset = WallOffset()

    offset.observe(500.0, wall=1_000.0)
    offset.observe(4_101.0, wall=1_001.0)

    assert offset.seconds == -3_100.0
