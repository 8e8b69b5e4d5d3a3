"""Whatever a receiver is fed, it sees one stream."""

from __future__ import annotations

import pytest

from media.core.rewriter import Rewriter

EDGES = [0, 1, 32_767, 32_768, 65_534, 65_535]


@pytest.mark.parametrize("first", EDGES)
def test_the_stream_starts_at_its_own_number_wherever_the_source_is(first: int) -> None:
    rewriter = Rewriter(500)

    rewriter.begin(first, 9_000, 90_000, now=1.0)

    assert first + rewriter.sequence_offset == 500
    assert rewriter.timestamp_offset == 0


@pytest.mark.parametrize("last", EDGES)
@pytest.mark.parametrize("first", EDGES)
def test_numbers_go_on_after_a_change_of_source(last: int, first: int) -> None:
    rewriter = Rewriter(500)
    rewriter.begin(last, 9_000, 90_000, now=1.0)
    rewriter.end(last + 40, 12_000, now=2.0)

    rewriter.begin(first, 777, 90_000, now=2.5)

    assert first + rewriter.sequence_offset == 541


@pytest.mark.parametrize("last", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF])
@pytest.mark.parametrize("first", [0, 0x80000000, 0xFFFFFFFF])
def test_the_clock_goes_on_by_the_time_gone_by(last: int, first: int) -> None:
    rewriter = Rewriter(500)
    rewriter.begin(1, last, 90_000, now=1.0)
    rewriter.end(1, last, now=1.0)

    rewriter.begin(900, first, 90_000, now=1.5)

    assert (first + rewriter.timestamp_offset) & 0xFFFFFFFF == (last + 45_000) & 0xFFFFFFFF


def test_the_clock_moves_even_when_a_change_takes_no_time() -> None:
    rewriter = Rewriter(500)
    rewriter.begin(1, 9_000, 90_000, now=1.0)
    rewriter.end(1, 9_000, now=1.0)

    rewriter.begin(1, 9_000, 90_000, now=1.0)

    assert rewriter.timestamp_offset == 3_000


@pytest.mark.parametrize("first", EDGES)
def test_what_a_receiver_names_is_found_at_the_source(first: int) -> None:
    rewriter = Rewriter(32_700)
    rewriter.begin(first, 0, 90_000, now=1.0)

    found = [rewriter.original((32_700 + step) & 0xFFFF, first + 100) for step in range(-1, 102)]

    assert found == [None, *range(first, first + 101), None]


def test_what_an_earlier_source_sent_is_not_sought_at_the_present_one() -> None:
    rewriter = Rewriter(500)
    rewriter.begin(10, 0, 90_000, now=1.0)
    rewriter.end(20, 0, now=2.0)

    assert rewriter.original(505, 20) is None
    rewriter.begin(3_000, 0, 90_000, now=3.0)
    assert rewriter.original(505, 3_050) is None
    assert rewriter.original(511, 3_050) == 3_000
