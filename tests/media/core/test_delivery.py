"""What a receiver's reports say of our packets."""

from __future__ import annotations

import pytest

from media.core.delivery import Delivery
from media.core.reception import ReportBlock

EDGES = [0, 1, 32_767, 32_768, 65_534, 65_535]
SECOND = 65_536
"In middle NTP time."


def block(
    highest: int, *, lost: int = 0, jitter: int = 0, last_report: int = 0, kept: int = 0
) -> ReportBlock:
    return ReportBlock(5, 0, lost, highest, jitter, last_report, kept)


def told(*reports: tuple[ReportBlock, int]) -> Delivery:
    """Each report, and what had never been sent when it came."""
    delivery = Delivery()
    for at, (report, unsent) in enumerate(reports):
        delivery.reported(report, unsent=unsent, middle_ntp=at * SECOND, now=float(at))
    return delivery


@pytest.mark.parametrize("first", EDGES)
@pytest.mark.parametrize("cycles", [True, False])
def test_losses_are_counted_across_the_wrap_however_wraps_are_told(
    first: int, cycles: bool
) -> None:
    mask = 0xFFFFFFFF if cycles else 0xFFFF

    delivery = told(
        (block(first, lost=7), 0),
        (block(first + 100 & mask, lost=9), 0),
        (block(first + 300 & mask, lost=12), 0),
    )

    assert (delivery.expected, delivery.lost) == (300, 5)


def test_what_the_publisher_lost_is_not_the_receivers_loss() -> None:
    delivery = told((block(0), 3), (block(100, lost=2), 5), (block(200, lost=5), 7))

    assert (delivery.expected, delivery.lost) == (196, 1)


def test_a_loss_that_came_late_is_none() -> None:
    delivery = told((block(0), 0), (block(100, lost=2), 0), (block(200, lost=1), 0))

    assert delivery.lost == 1


def test_a_round_trip_is_what_passed_less_what_the_report_was_kept() -> None:
    delivery = Delivery()

    delivery.reported(
        block(1, jitter=90, last_report=10 * SECOND, kept=2 * SECOND),
        unsent=0,
        middle_ntp=12 * SECOND + SECOND // 4,
        now=3.0,
    )

    assert (delivery.round_trip_s, delivery.jitter, delivery.reported_at) == (0.25, 90, 3.0)


def test_a_round_trip_that_cannot_be_is_not_believed() -> None:
    delivery = Delivery()

    for kept, now in ((3 * SECOND, 12 * SECOND), (0, 100 * SECOND)):
        report = block(1, last_report=10 * SECOND, kept=kept)
        delivery.reported(report, unsent=0, middle_ntp=now, now=1.0)

    assert delivery.round_trip_s is None


def test_a_round_trip_is_measured_across_the_wrap_of_the_clock() -> None:
    delivery = Delivery()

    report = block(1, last_report=0xFFFFFF00, kept=0x100)
    delivery.reported(report, unsent=0, middle_ntp=SECOND // 2, now=1.0)

    assert delivery.round_trip_s == 0.5
