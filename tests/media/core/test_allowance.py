from __future__ import annotations

from media.core.allowance import Allowance


def test_so_much_is_there_at_once_and_so_much_a_second_after_that() -> None:
    allowance = Allowance(per_second=10, at_once=3)

    taken = [allowance.take(1, now=5.0 + step / 100) for step in range(301)]

    assert taken[:4] == [True, True, True, False]
    assert sum(taken) == 3 + 30


def test_what_is_too_much_takes_nothing() -> None:
    allowance = Allowance(per_second=1, at_once=3)

    assert not allowance.take(4, now=5.0)
    assert allowance.take(3, now=5.0)


def test_a_part_is_given_where_there_is_not_enough() -> None:
    allowance = Allowance(per_second=10, at_once=25)

    assert [allowance.take_up_to(20, now=at) for at in (5.0, 5.0, 5.5, 60.0)] == [20, 5, 5, 20]
