"""What passed lately, and over stretches that meet."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from media.core.figures import WINDOW, Counts, Figures, Reading


def reading(*, jitter_s: float | None = None, trip: float | None = None, **counts: int) -> Reading:
    return Reading(Counts(**counts), jitter_s, trip)


def test_rates_are_those_of_the_last_seconds() -> None:
    figures = Figures(100.0)
    for second in range(1, 11):
        octets = 1000 if second <= 5 else 3000
        figures.read(reading(octets_in=octets, octets_out=10), now=100.0 + second)

    lately = figures.lately()

    assert (lately.incoming_bps, lately.outgoing_bps) == (24_000, 80)


def test_a_link_that_is_new_is_measured_from_its_beginning() -> None:
    figures = Figures(0.0)

    figures.read(reading(octets_in=500), now=0.5)

    assert figures.lately().incoming_bps == 8000


def test_before_anything_passed_nothing_is_said() -> None:
    lately = Figures(0.0).lately()

    assert (lately.loss, lately.jitter_s, lately.round_trip_s) == (None, None, None)
    assert (lately.incoming_bps, lately.speaking) == (0, False)


def test_loss_is_a_share_of_what_was_expected_and_repairs_make_it_no_gain() -> None:
    figures = Figures(0.0)
    figures.read(reading(expected=200, lost=4), now=1.0)
    assert figures.lately().loss == 0.02

    for second in range(2, 9):
        figures.read(reading(expected=100, lost=-1), now=float(second))

    assert figures.lately().loss == 0.0


def test_somebody_speaks_while_enough_of_the_last_packets_are_loud() -> None:
    figures = Figures(0.0)

    figures.read(reading(levelled=50, loud=20), now=1.0)
    assert figures.lately().speaking

    figures.read(reading(levelled=50, loud=19), now=2.0)
    assert not figures.lately().speaking

    figures.read(reading(), now=3.0)
    assert not figures.lately().speaking


def test_a_stretch_has_the_mean_of_its_looks() -> None:
    figures = Figures(0.0)
    figures.read(reading(jitter_s=0.010, trip=None, expected=10), now=1.0)
    figures.read(reading(jitter_s=0.030, trip=0.2, expected=10), now=2.0)

    stretch = figures.cut(now=2.0)

    assert (stretch.jitter_s, stretch.round_trip_s, stretch.counts.expected) == (0.02, 0.2, 20)
    assert figures.cut(now=3.0).jitter_s is None


@given(
    st.lists(
        st.tuples(st.floats(0.0, 3.0), st.integers(0, 1000), st.booleans()), min_size=1, max_size=40
    )
)
def test_stretches_meet_and_hold_everything_once(looks: list[tuple[float, int, bool]]) -> None:
    """Each look: some time passes, some octets came, and perhaps the stretch is cut."""
    figures, now = Figures(50.0), 50.0
    stretches = []
    for seconds, octets, cut in looks:
        now += seconds
        figures.read(reading(octets_in=octets), now=now)
        if cut:
            stretches.append(figures.cut(now=now))
    stretches.append(figures.cut(now=now))

    assert stretches[0].began == 50.0
    assert all(a.ended == b.began for a, b in itertools.pairwise(stretches))
    assert stretches[-1].ended == now
    assert sum(each.counts.octets_in for each in stretches) == sum(octets for _, octets, _ in looks)


@given(st.lists(st.floats(0.1, 2.0), min_size=1, max_size=60))
def test_the_window_is_never_much_longer_than_it_should_be(pauses: list[float]) -> None:
    figures, now = Figures(0.0), 0.0
    for pause in pauses:
        now += pause
        figures.read(reading(octets_in=round(pause * 1000)), now=now)

    spanned = now - figures._marks[0][0]

    assert spanned <= max(WINDOW, min(now, WINDOW + max(pauses)))
