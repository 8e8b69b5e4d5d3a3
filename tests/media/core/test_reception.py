"""What receiver reports say of a stream with losses, wraps, jumps and jitter."""

from __future__ import annotations

import pytest

from media.core.reception import Arrival, Reception

EDGES = [0, 1, 32_767, 32_768, 65_534, 65_535]


def received(*sequences: int, start: float = 0.0) -> Reception:
    reception = Reception(77)
    for index, sequence in enumerate(sequences):
        reception.arrived(sequence & 0xFFFF, now=start + index * 0.01)
    return reception


@pytest.mark.parametrize("first", EDGES)
def test_losses_are_counted_across_the_wrap(first: int) -> None:
    reception = received(*(first + step for step in range(100) if step not in (3, 50, 51)))

    report = reception.report(now=2.0)

    assert report is not None
    assert (report.packets_lost, report.fraction_lost) == (3, 3 * 256 // 100)
    assert report.highest == first + 99
    assert report.ssrc == 77


def test_the_fraction_is_that_of_the_last_interval() -> None:
    reception = received(*(n for n in range(100) if n % 2))
    reception.report(now=1.0)
    for sequence in range(100, 200):
        reception.arrived(sequence, now=1.5)

    report = reception.report(now=2.0)

    assert report is not None
    assert report.fraction_lost == 0
    assert report.packets_lost == 49


@pytest.mark.parametrize("first", EDGES)
def test_a_late_packet_is_told_from_a_new_one_and_no_longer_lost(first: int) -> None:
    reception = received(first, first + 2)

    assert reception.arrived((first + 1) & 0xFFFF, now=1.0) == (Arrival.LATE, first + 1)
    assert reception.packets_lost == 0


def test_duplicates_never_make_losses_negative() -> None:
    reception = received(5, 5, 5, 6)

    assert reception.packets_lost == 0


def test_one_stray_number_does_not_start_a_stream_over() -> None:
    reception = received(100, 101)

    assert reception.arrived(40_000, now=1.0)[0] is Arrival.UNUSABLE
    assert reception.arrived(102, now=1.0) == (Arrival.IN_ORDER, 102)


@pytest.mark.parametrize("jump", [10_000, 40_000, 60_000])
def test_two_in_sequence_after_a_jump_do_and_numbers_still_grow(jump: int) -> None:
    reception = received(100, 101, 102)
    reception.arrived((102 + jump) & 0xFFFF, now=1.0)

    arrival, number = reception.arrived((103 + jump) & 0xFFFF, now=1.0)

    assert arrival is Arrival.RESTARTED
    assert number > 102
    assert number & 0xFFFF == (103 + jump) & 0xFFFF


def test_a_stream_cannot_be_started_over_with_every_packet() -> None:
    reception = received(0)
    restarts = 0

    for step in range(1, 2_000):
        sequence = step // 2 * 20_000 + step % 2
        arrival, _ = reception.arrived(sequence & 0xFFFF, now=step / 1_000)
        restarts += arrival is Arrival.RESTARTED

    assert restarts <= 2


def test_a_new_stream_of_the_same_source_counts_on() -> None:
    reception = Reception(78, after=70_000)

    arrival, number = reception.arrived(3, now=0.0)

    assert arrival is Arrival.IN_ORDER
    assert number == 131_072 + 3
    assert reception.packets_lost == 0


def test_jitter_is_nothing_when_packets_keep_time() -> None:
    reception = Reception(77)

    for step in range(50):
        reception.measure_jitter(step * 960 & 0xFFFFFFFF, 48_000, now=100 + step * 0.02)

    assert reception.jitter <= 1


def test_jitter_is_what_packets_differ_by() -> None:
    """RFC 3550, A.8: converges to the mean difference of transit times."""
    reception = Reception(77)

    for step in range(500):
        late = 0.005 if step % 2 else 0.0
        reception.measure_jitter(0xFFFFF000 + step * 960 & 0xFFFFFFFF, 48_000,
                                 now=step * 0.02 + late)  # fmt: skip

    assert reception.jitter == pytest.approx(240, abs=2)


def test_a_report_says_when_the_last_sender_report_came() -> None:
    reception = received(1)
    reception.sender_reported(0x1234_5678_9ABC_DEF0, now=10.0)

    report = reception.report(now=10.5)

    assert report is not None
    assert report.last_report == 0x5678_9ABC
    assert report.delay_since_last_report == 32_768


def test_nothing_is_reported_of_a_stream_that_never_came() -> None:
    assert Reception(77).report(now=1.0) is None
