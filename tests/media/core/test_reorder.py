from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.core.reorder import FAR, HOLD_S, MOST_HELD, Reorder


def test_what_is_in_order_is_not_held() -> None:
    order: Reorder[str] = Reorder()

    assert order.push(5, "a", now=0.0) == [("a", False)]
    assert order.push(6, "b", now=0.0) == [("b", False)]


def test_a_missing_packet_is_waited_for_and_then_given_up() -> None:
    order: Reorder[str] = Reorder()
    order.push(5, "a", now=0.0)

    assert order.push(7, "c", now=1.0) == []
    assert order.expire(now=1.0 + HOLD_S - 0.01) == []
    assert order.expire(now=1.0 + HOLD_S) == [("c", True)]
    assert order.push(6, "b", now=2.0) == []
    assert order.lost == 1


def test_one_that_comes_late_lets_the_rest_go() -> None:
    order: Reorder[str] = Reorder()
    for number in (5, 7, 8):
        order.push(number, str(number), now=0.0)

    assert order.push(6, "6", now=0.2) == [("6", False), ("7", False), ("8", False)]
    assert order.push(7, "7", now=0.2) == []
    assert order.lost == 0


def test_numbers_far_away_are_another_stream() -> None:
    order: Reorder[str] = Reorder()
    order.push(10_000, "a", now=0.0)
    order.push(10_002, "c", now=0.0)

    assert order.push(10_000 - FAR - 1, "x", now=0.1) == [("c", True), ("x", True)]
    assert order.push(10_000 - FAR, "y", now=0.1) == [("y", False)]


def test_memory_has_an_end() -> None:
    order: Reorder[int] = Reorder()
    order.push(0, 0, now=0.0)

    out = [item for n in range(2, MOST_HELD + 3) for item in order.push(n, n, now=0.0)]

    assert out[0] == (2, True)


@given(st.permutations(range(40)), st.sets(st.integers(1, 39)))
def test_everything_comes_out_once_and_in_order(numbers: list[int], lost: set[int]) -> None:
    order: Reorder[int] = Reorder()
    out = order.push(-1, -1, now=0.0)
    for number in numbers:
        if number not in lost:
            out += order.push(number, number, now=0.0)
    out += order.drain()

    assert [item for item, _ in out] == [-1, *sorted(set(numbers) - lost)]
    assert [item for item, gap in out if gap] == [
        n for n in sorted(set(numbers) - lost) if n - 1 in lost
    ]
