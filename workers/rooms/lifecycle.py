"""When a room may be started, joined, ended, and joined again."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from infra.contract.refusals import Reason, refuse
from infra.contract.views import RoomState


class Step(StrEnum):
    START = "start"
    CANCEL = "cancel"
    END = "end"
    REOPEN = "reopen"
    PLAN = "plan"
    "A series moves on to its next occurrence."
    LAPSE = "lapse"
    "The last occurrence of a series is over, and nobody came."


STEPS: Mapping[RoomState, Mapping[Step, RoomState]] = {
    RoomState.SCHEDULED: {
        Step.START: RoomState.LIVE,
        Step.CANCEL: RoomState.CANCELLED,
        # An occurrence nobody came to.
        Step.PLAN: RoomState.SCHEDULED,
        Step.LAPSE: RoomState.ENDED,
    },
    RoomState.LIVE: {Step.END: RoomState.ENDED},
    # A retried command is answered from its stored outcome and never gets here;
    # a new one that finds the room ended is refused.
    RoomState.ENDED: {Step.REOPEN: RoomState.LIVE, Step.PLAN: RoomState.SCHEDULED},
    RoomState.CANCELLED: {},
}

EARLY_JOIN: Mapping[RoomState, Step] = {
    RoomState.SCHEDULED: Step.START,
    RoomState.ENDED: Step.REOPEN,
}
"What joining does to a room that is not live, where the tenant allows early joins."


def after(state: RoomState, step: Step) -> RoomState:
    """The state the step leads to. Refuses a step that the state does not have."""
    reached = STEPS[state].get(step)
    if reached is not None:
        return reached
    if step is Step.END and state is RoomState.ENDED:
        raise refuse(Reason.ROOM_ALREADY_ENDED)
    if step in (Step.START, Step.CANCEL):
        raise refuse(Reason.ROOM_NOT_SCHEDULED, f"the room is {state.value}")
    raise refuse(Reason.ROOM_NOT_ACTIVE)


def require_live(state: RoomState) -> None:
    """Refuses what can only be done in a live room."""
    if state is not RoomState.LIVE:
        raise refuse(Reason.ROOM_NOT_ACTIVE)
