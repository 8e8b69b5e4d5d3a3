"""What is kept, and for how long."""

from __future__ import annotations

import pytest

from media.core.history import History


def test_the_newest_are_kept_and_older_ones_make_room() -> None:
    history: History[str] = History(4)

    for number in range(65_534, 65_540):
        history.keep(number, str(number))

    assert [history.get(number) for number in range(65_534, 65_541)] == [
        None, None, "65536", "65537", "65538", "65539", None,
    ]  # fmt: skip


def test_another_number_in_the_same_place_is_not_there() -> None:
    history: History[str] = History(4)

    history.keep(-3, "early")

    assert -3 in history
    assert 1 not in history and history.get(1) is None


def test_after_clearing_nothing_is_there() -> None:
    history: History[str] = History(4)
    history.keep(1, "x")

    history.clear()

    assert history.get(1) is None


def test_a_size_that_is_no_power_of_two_is_refused() -> None:
    with pytest.raises(ValueError, match="power"):
        History(6)
