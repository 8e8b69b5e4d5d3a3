from __future__ import annotations

from pathlib import Path

import pytest

from workers.recordings.timeline import (
    HOLD_MS,
    LONGEST_MS,
    MOST_PLACES,
    Box,
    Clip,
    boxes,
    canvas,
    fit,
    showings,
    usable,
)


def clip(who: str, t0_ms: int, dur_ms: int) -> Clip:
    return Clip(Path("x"), "video", who, who, t0_ms, dur_ms)


def places(*clips: Clip) -> list[tuple[str, int, int, int]]:
    return [(s.clips[0].who, s.place, s.start_ms, s.end_ms) for s in showings(usable(clips))]


def test_segments_that_follow_each_other_are_one_showing() -> None:
    assert places(clip("ann", 0, 10_000), clip("ann", 10_000, 5000)) == [("ann", 0, 0, 15_000)]


def test_a_short_hole_keeps_the_picture_and_a_long_one_ends_it() -> None:
    assert places(clip("ann", 0, 1000), clip("ann", 1000 + HOLD_MS, 1000)) == [
        ("ann", 0, 0, 2000 + HOLD_MS)
    ]
    assert places(clip("ann", 0, 1000), clip("ann", 1001 + HOLD_MS, 1000)) == [
        ("ann", 0, 0, 1000),
        ("ann", 0, 1001 + HOLD_MS, 2001 + HOLD_MS),
    ]


def test_a_place_is_given_to_the_next_and_back_to_who_had_it() -> None:
    assert places(
        clip("ann", 0, 10_000),
        clip("bob", 0, 50_000),
        clip("cy", 12_000, 5000),
        clip("ann", 20_000, 5000),
        clip("cy", 21_000, 5000),
    ) == [
        ("ann", 0, 0, 10_000),
        ("bob", 1, 0, 50_000),
        ("cy", 0, 12_000, 17_000),
        ("ann", 0, 20_000, 25_000),
        ("cy", 2, 21_000, 26_000),
    ]


def test_more_than_fit_are_not_seen() -> None:
    crowd = [clip(f"p{n:02d}", 0, 1000) for n in range(MOST_PLACES + 3)]

    assert len(places(*crowd)) == MOST_PLACES


def test_times_that_cannot_be_are_left_out() -> None:
    good = clip("ann", 0, 1000)

    assert usable([clip("x", LONGEST_MS, 1), clip("x", -1, 10), clip("x", 5, 0), good]) == [good]


@pytest.mark.parametrize("count", range(1, MOST_PLACES + 1))
def test_boxes_lie_in_the_picture_and_apart(count: int) -> None:
    width, height = canvas(count, 640, 480)
    found = boxes(count, width, height)

    assert width <= 1280 and height <= 720 and width % 2 == height % 2 == 0
    taken = set()
    for box in found:
        assert all(v % 2 == 0 for v in (box.x, box.y, box.width, box.height))
        assert box.x >= 0 and box.x + box.width <= width and box.y + box.height <= height
        cells = {(x, y) for x in range(box.x, box.x + box.width, 2) for y in (box.y, box.y + 2)}
        assert not cells & taken
        taken |= cells


def test_one_small_picture_is_not_blown_up() -> None:
    assert canvas(1, 320, 180) == (320, 180)
    assert canvas(1, 4096, 2160) == (1280, 720)


def test_a_picture_keeps_its_shape() -> None:
    assert fit(480, 640, Box(0, 0, 640, 360)) == Box(184, 0, 270, 360)
    assert fit(160, 90, Box(320, 180, 320, 180)) == Box(320, 180, 320, 180)
