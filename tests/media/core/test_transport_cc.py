"""Feedback that says exactly what arrived, and when."""

from __future__ import annotations

import random
import struct

import pytest

from media.core.transport_cc import LONGEST_SPAN, MOST_WAITING, ArrivalLog


def read(body: bytes) -> dict[int, float | None]:
    """What a sender makes of a feedback body: 16-bit number to arrival time, None for lost."""
    base, count, reference = struct.unpack_from("!HHI", body)
    statuses: list[int] = []
    at = 8
    while len(statuses) < count:
        (chunk,) = struct.unpack_from("!H", body, at)
        at += 2
        if chunk & 0x8000 == 0:
            statuses += [chunk >> 13] * (chunk & 0x1FFF)
        elif chunk & 0x4000:
            statuses += [chunk >> shift & 3 for shift in range(12, -2, -2)]
        else:
            statuses += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    time = (reference >> 8) * 0.064
    arrivals: dict[int, float | None] = {}
    for offset, status in enumerate(statuses[:count]):
        if status == 0:
            arrivals[(base + offset) & 0xFFFF] = None
            continue
        size, form = (1, "!B") if status == 1 else (2, "!h")
        time += struct.unpack_from(form, body, at)[0] * 0.000_25
        at += size
        arrivals[(base + offset) & 0xFFFF] = time
    assert len(body) - at < 4
    return arrivals


@pytest.mark.parametrize("first", [0, 1, 32_767, 32_768, 65_534, 65_535])
def test_arrivals_and_losses_are_told_across_the_wrap(first: int) -> None:
    log = ArrivalLog()
    for step in (0, 1, 3, 4, 5, 20):
        log.arrived((first + step) & 0xFFFF, now=100 + step * 0.01)

    (body,) = log.take_feedback()

    told = read(body)
    assert [step for step in range(21) if told[(first + step) & 0xFFFF] is not None] == [
        0, 1, 3, 4, 5, 20,
    ]  # fmt: skip
    assert told[(first + 20) & 0xFFFF] == pytest.approx(100.2, abs=0.000_5)


def test_what_was_lost_between_two_feedbacks_is_told() -> None:
    log = ArrivalLog()
    log.arrived(10, now=1.0)
    log.take_feedback()
    log.arrived(14, now=1.1)

    (body,) = log.take_feedback()

    assert [number for number, time in read(body).items() if time is None] == [11, 12, 13]


def test_times_do_not_drift_and_reordering_is_told() -> None:
    chance = random.Random(4)
    log = ArrivalLog()
    times = {number: 5_000 + chance.random() * 3 for number in range(300)}
    for number in sorted(times, key=lambda n: times[n]):
        log.arrived(number, now=times[number])

    told: dict[int, float | None] = {}
    for body in log.take_feedback():
        told |= read(body)

    assert told == {number: pytest.approx(time, abs=0.000_3) for number, time in times.items()}


def test_a_jump_does_not_make_feedback_endless() -> None:
    log = ArrivalLog()
    for step in range(50):
        log.arrived(step * 30_000 & 0xFFFF, now=1.0 + step / 1000)

    bodies = log.take_feedback()

    assert all(len(read(body)) <= LONGEST_SPAN for body in bodies)
    assert sum(map(len, bodies)) < 2_000


def test_a_flood_is_remembered_within_bounds() -> None:
    log = ArrivalLog()

    for step in range(MOST_WAITING * 3):
        log.arrived(step & 0xFFFF, now=1.0)

    assert sum(len(read(body)) for body in log.take_feedback()) <= MOST_WAITING


def test_nothing_arrived_is_nothing_said() -> None:
    assert ArrivalLog().take_feedback() == []
