"""Counters read as plain integers, where they wrap above all."""

from __future__ import annotations

import pytest

from media.core.serial import Unwrapper, distance

EDGES = [0, 1, 32_767, 32_768, 65_534, 65_535]


@pytest.mark.parametrize("start", EDGES)
def test_counting_on_never_goes_back_where_the_counter_wraps(start: int) -> None:
    sequences = Unwrapper(16)

    read = [sequences.unwrap((start + step) & 0xFFFF) for step in range(70_000)]

    assert read == [start + step for step in range(70_000)]


@pytest.mark.parametrize("start", EDGES)
def test_a_late_value_is_read_below_the_newest(start: int) -> None:
    sequences = Unwrapper(16)
    sequences.unwrap(start)
    sequences.unwrap((start + 5) & 0xFFFF)

    late = sequences.unwrap((start + 3) & 0xFFFF)

    assert late == start + 3
    assert sequences.highest == start + 5


@pytest.mark.parametrize("old", EDGES)
@pytest.mark.parametrize("step", [0, 1, -1, 1000, -1000, 32_767, -32_768])
def test_distance_is_the_short_way_round(old: int, step: int) -> None:
    assert distance((old + step) & 0xFFFF, old, 16) == step


def test_a_value_can_be_read_without_being_remembered() -> None:
    timestamps = Unwrapper(32)
    timestamps.unwrap(0xFFFF_FFF0)

    assert timestamps.near(0x10) == 0x1_0000_0010
    assert timestamps.highest == 0xFFFF_FFF0
