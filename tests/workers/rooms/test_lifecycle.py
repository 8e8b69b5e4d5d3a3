from __future__ import annotations

import pytest

from infra.contract.refusals import Reason, Refused
from infra.contract.views import RoomState
from workers.rooms.lifecycle import EARLY_JOIN, STEPS, Step, after, require_live


def test_the_table_speaks_of_every_state() -> None:
    assert set(STEPS) == set(RoomState)


@pytest.mark.parametrize("state", RoomState)
@pytest.mark.parametrize("step", Step)
def test_a_step_leads_where_the_table_says_or_is_refused(state: RoomState, step: Step) -> None:
    if step in STEPS[state]:
        assert after(state, step) is STEPS[state][step]
    else:
        with pytest.raises(Refused):
            after(state, step)


def test_ending_an_ended_room_is_refused_in_its_own_words() -> None:
    with pytest.raises(Refused) as no:
        after(RoomState.ENDED, Step.END)

    assert no.value.refusal.reason is Reason.ROOM_ALREADY_ENDED


@pytest.mark.parametrize("state", EARLY_JOIN)
def test_joining_early_makes_a_room_live(state: RoomState) -> None:
    assert after(state, EARLY_JOIN[state]) is RoomState.LIVE


@pytest.mark.parametrize("state", set(RoomState) - {RoomState.LIVE})
def test_only_a_live_room_is_active(state: RoomState) -> None:
    require_live(RoomState.LIVE)

    with pytest.raises(Refused) as no:
        require_live(state)

    assert no.value.refusal.reason is Reason.ROOM_NOT_ACTIVE
