"""Meetings that are planned: when they take place, start, move on, and are called off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from infra.contract.commands import (
    CancelRoom,
    CreateRoom,
    DeleteRoom,
    EndRoom,
    StartRoom,
    UpdateRoom,
)
from infra.contract.ids import RoomId, new_id
from infra.contract.refusals import Reason
from infra.contract.views import RoomKind, RoomState, RoomView, TenantConfig
from tests.support.house import NOON, House, entering, invitee, joining, joining_as
from workers.rooms import reap

TOMORROW = NOON + timedelta(days=1)
HOUR = timedelta(hours=1)


def of(room: RoomView) -> dict[str, Any]:
    return {"tenant_id": room.tenant_id, "room_id": room.id}


def test_a_planned_room_waits_for_its_start_without_counting_as_live(house: House) -> None:
    tenant = house.tenant(max_concurrent_rooms=1)
    house.room(tenant)

    planned = house.plan(tenant, description="why", location="where")

    assert (planned.state, planned.kind) == (RoomState.SCHEDULED, RoomKind.SCHEDULED)
    assert planned.started_at is None
    assert house.seen(planned) == planned
    assert house.refusal(StartRoom(**of(planned))) is Reason.ROOM_QUOTA_REACHED
    house.wait(days=30)
    reap.end_empty_rooms(house.tools)
    assert house.seen(planned).state is RoomState.SCHEDULED


def test_starting_makes_it_live_once(house: House) -> None:
    planned = house.plan(house.tenant())
    house.wait(days=1)

    started = house.do(StartRoom(**of(planned)))

    assert (started.state, started.started_at) == (RoomState.LIVE, house.now)
    [event] = house.log(planned)
    assert (event.kind, event.data["room"]) == ("room.started", started.model_dump(mode="json"))
    assert house.refusal(StartRoom(**of(planned))) is Reason.ROOM_NOT_SCHEDULED
    assert house.refusal(CancelRoom(**of(planned))) is Reason.ROOM_NOT_SCHEDULED


def test_a_room_put_aside_is_started_and_entered_by_nobody(house: House) -> None:
    planned = house.plan(house.tenant())
    house.do(UpdateRoom(**of(planned), is_active=False))

    assert house.refusal(StartRoom(**of(planned))) is Reason.ROOM_NOT_ACTIVE
    assert house.refusal(joining_as(planned, "tess")) is Reason.ROOM_OVER
    assert house.refusal(joining(planned.tenant_id, str(planned.id))) is Reason.ROOM_NOT_ACTIVE

    house.do(UpdateRoom(**of(planned), is_active=True))
    seat = house.join(planned, "tess").participant.id
    house.do(UpdateRoom(**of(planned), is_active=False))
    assert house.refusal(entering(planned, seat, new_id())) is Reason.ROOM_NOT_ACTIVE


def test_a_series_without_a_rule_is_held_whenever_somebody_starts_it(house: House) -> None:
    series = house.plan(house.tenant(), room_kind=RoomKind.RECURRING, recurrence=None)
    house.do(StartRoom(**of(series)))
    house.do(EndRoom(**of(series)))

    again = house.seen(series)
    assert (again.state, again.starts_at) == (RoomState.SCHEDULED, series.starts_at)
    assert house.do(StartRoom(**of(series))).state is RoomState.LIVE
    house.do(EndRoom(**of(series)))

    told = house.kinds(series)
    house.wait(hours=72)
    reap.move_missed_series_on(house.tools)
    assert (house.seen(series).state, house.kinds(series)) == (RoomState.SCHEDULED, told)


def test_a_cancelled_room_stays_so(house: House) -> None:
    planned = house.plan(house.tenant())

    cancelled = house.do(CancelRoom(**of(planned)))

    assert cancelled.state is RoomState.CANCELLED
    assert house.kinds(planned) == ["room.cancelled"]
    assert house.refusal(CancelRoom(**of(planned))) is Reason.ROOM_NOT_SCHEDULED
    assert house.refusal(StartRoom(**of(planned))) is Reason.ROOM_NOT_SCHEDULED
    assert house.refusal(joining_as(planned, "tess", leads=True)) is Reason.ROOM_OVER


def test_deleting_a_planned_room_calls_it_off(house: House) -> None:
    planned = house.plan(house.tenant(), recurrence="FREQ=DAILY")
    assert house.refusal(DeleteRoom(**of(planned), if_version=9)) is Reason.PRECONDITION_FAILED

    house.do(DeleteRoom(**of(planned), if_version=planned.version))

    assert house.kinds(planned) == ["room.cancelled", "room.deleted"]
    assert house.refusal(StartRoom(**of(planned))) is Reason.ROOM_UNKNOWN


def test_deleting_a_live_series_does_not_plan_it_again(house: House) -> None:
    series = house.plan(house.tenant(), recurrence="FREQ=DAILY")
    house.do(StartRoom(**of(series)))

    house.do(DeleteRoom(**of(series)))

    assert house.kinds(series) == ["room.started", "room.ended", "room.deleted"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"ends_at": TOMORROW}, Reason.BAD_TIMES),
        ({"ends_at": TOMORROW - HOUR}, Reason.BAD_TIMES),
        ({"starts_at": None, "recurrence": "FREQ=DAILY"}, Reason.BAD_RECURRENCE),
        ({"recurrence": "FREQ=SECONDLY"}, Reason.BAD_RECURRENCE),
        ({"recurrence": "FREQ=DAILY;UNTIL=20200101T000000Z"}, Reason.BAD_RECURRENCE),
        ({"recurrence": "FREQ=DAILY", "room_kind": RoomKind.SCHEDULED}, Reason.BAD_RECURRENCE),
        ({"recurrence": "FREQ=DAILY", "room_kind": RoomKind.INSTANT}, Reason.BAD_RECURRENCE),
    ],
)
def test_what_cannot_be_planned_is_refused(
    house: House, fields: dict[str, Any], reason: Reason
) -> None:
    tenant = house.tenant()
    command = {
        "room_kind": RoomKind.RECURRING if "recurrence" in fields else RoomKind.SCHEDULED,
        "starts_at": TOMORROW,
        "room_id": RoomId(new_id()),
        "tenant_id": tenant.id,
        **fields,
    }

    assert house.refusal(CreateRoom(**command)) is reason


def test_a_series_is_planned_for_its_next_occurrence_when_one_ends(house: House) -> None:
    series = house.plan(house.tenant(), recurrence="FREQ=DAILY;COUNT=2")
    house.wait(days=1)
    house.do(StartRoom(**of(series)))
    house.wait(minutes=50)

    ended = house.do(EndRoom(**of(series)))

    assert (ended.state, ended.ended_at) == (RoomState.ENDED, house.now)
    again = house.seen(series)
    assert again.state is RoomState.SCHEDULED
    assert (again.starts_at, again.ends_at) == (TOMORROW + 24 * HOUR, TOMORROW + 25 * HOUR)
    assert again.series_starts_at == TOMORROW
    assert (again.started_at, again.ended_at) == (None, None)
    assert house.kinds(series) == ["room.started", "room.ended", "room.updated"]

    # Its second is its last.
    house.wait(days=1)
    house.do(StartRoom(**of(series)))
    house.do(EndRoom(**of(series)))
    assert house.seen(series).state is RoomState.ENDED
    assert house.kinds(series)[-1] == "room.ended"


def test_an_occurrence_that_was_held_early_is_not_planned_again(house: House) -> None:
    series = house.plan(house.tenant(), recurrence="FREQ=DAILY")
    house.do(StartRoom(**of(series)))

    house.do(EndRoom(**of(series)))

    assert house.seen(series).starts_at == TOMORROW + 24 * HOUR


def test_a_series_nobody_came_to_moves_on_and_ends_with_its_last(house: House) -> None:
    series = house.plan(house.tenant(), recurrence="FREQ=DAILY;COUNT=3")
    open_ended = house.plan(house.tenant(), recurrence="FREQ=DAILY;COUNT=3", ends_at=None)
    once = house.plan(house.tenant())
    house.wait(days=1, minutes=30)
    reap.move_missed_series_on(house.tools)
    assert house.seen(series).starts_at == TOMORROW

    house.wait(days=1)
    reap.move_missed_series_on(house.tools)

    assert house.seen(series).starts_at == TOMORROW + 48 * HOUR
    assert house.seen(open_ended).starts_at == TOMORROW + 48 * HOUR
    house.wait(days=5)
    reap.move_missed_series_on(house.tools)
    reap.move_missed_series_on(house.tools)
    assert house.seen(series).state is RoomState.ENDED
    assert house.kinds(series) == ["room.updated", "room.updated"]
    assert house.seen(once).state is RoomState.SCHEDULED


# --- changing ---


def test_only_what_is_said_changes(house: House) -> None:
    planned = house.plan(house.tenant(), description="why", location="where")
    house.wait(hours=1)

    changed = house.do(UpdateRoom(**of(planned), location="elsewhere"))

    assert changed == planned.model_copy(
        update={"location": "elsewhere", "version": 2, "updated_at": house.now, "seq": 1}
    )
    assert house.do(UpdateRoom(**of(planned))) == changed


def test_a_change_of_another_version_is_refused(house: House) -> None:
    planned = house.plan(house.tenant())
    house.do(UpdateRoom(**of(planned), name="first", if_version=planned.version))

    refused = house.refusal(UpdateRoom(**of(planned), name="second", if_version=planned.version))

    assert refused is Reason.PRECONDITION_FAILED
    assert house.seen(planned).name == "first"


def test_people_coming_and_going_leave_the_version_alone(house: House) -> None:
    room = house.room(house.tenant())
    house.pod()
    seat = house.add(room).participant.id
    connection = house.enter(room, seat)
    house.leave(room, seat, connection)

    assert house.seen(room).version == room.version


def test_the_end_must_stay_after_the_start(house: House) -> None:
    planned = house.plan(house.tenant())

    for times in ({"ends_at": TOMORROW}, {"starts_at": TOMORROW + HOUR}):
        assert house.refusal(UpdateRoom(**of(planned), **times)) is Reason.BAD_TIMES
    later = {"starts_at": TOMORROW + HOUR, "ends_at": TOMORROW + 2 * HOUR}
    assert house.do(UpdateRoom(**of(planned), **later)).starts_at == TOMORROW + HOUR


def test_a_rule_makes_a_series_and_another_start_begins_it_anew(house: House) -> None:
    tenant = house.tenant()
    planned = house.plan(tenant)

    series = house.do(UpdateRoom(**of(planned), recurrence="FREQ=WEEKLY"))
    moved = house.do(
        UpdateRoom(**of(planned), starts_at=TOMORROW + HOUR, ends_at=TOMORROW + 2 * HOUR)
    )

    assert (series.kind, series.series_starts_at) == (RoomKind.RECURRING, TOMORROW)
    assert moved.series_starts_at == TOMORROW + HOUR
    bad = UpdateRoom(**of(planned), recurrence="FREQ=NEVER")
    assert house.refusal(bad) is Reason.BAD_RECURRENCE
    instant = UpdateRoom(**of(house.room(tenant)), recurrence="FREQ=DAILY")
    assert house.refusal(instant) is Reason.BAD_RECURRENCE


def test_inviting_others_instead_takes_the_seats_of_the_first_but_not_of_who_is_there(
    house: House,
) -> None:
    tenant = house.tenant(TenantConfig(allow_early_join=True))
    room = house.plan(tenant, invitees=(invitee("ann"), invitee("bob"), invitee("cem")))
    ann = house.join(room, "ann").participant.id
    house.enter(room, ann)

    changed = house.do(UpdateRoom(**of(room), invitees=(invitee("cem"), invitee("dora"))))

    assert {user for user in ("tess", "ann", "bob", "cem", "dora") if house.seat(room, user)} == {
        *("tess", "ann", "cem", "dora")
    }
    assert changed.version > room.version
    assert house.refusal(joining_as(room, "bob")) is Reason.NOT_A_MEMBER
    same = house.do(UpdateRoom(**of(room), invitees=(invitee("cem"), invitee("dora"))))
    assert same.version == changed.version
