from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra.contract.commands import UpdateParticipant, UpdateRoom, UpdateTenant
from infra.contract.etags import etag_of
from infra.contract.messages import Command
from infra.contract.refusals import Reason
from infra.db import participants, tenants
from tests.support.house import House

AT_ONCE = 8
Change = Callable[[str], Command[Any]]


def of_room(house: House) -> Change:
    room = house.room(house.tenant())
    return lambda name: UpdateRoom(
        tenant_id=room.tenant_id, room_id=room.id, name=name, if_version=room.version
    )


def of_tenant(house: House) -> Change:
    tenant = house.tenant()
    tag = etag_of(tenant)
    return lambda name: UpdateTenant(tenant_id=tenant.id, name=name, if_match=tag)


def of_participant(house: House) -> Change:
    seat = house.add(house.room(house.tenant())).participant
    tag = etag_of(seat)
    return lambda name: UpdateParticipant(
        tenant_id=seat.tenant_id,
        room_id=seat.room_id,
        participant_id=seat.id,
        display_name=name,
        if_match=tag,
    )


@pytest.mark.parametrize("of", [of_room, of_tenant, of_participant])
def test_of_many_who_saw_the_same_one_changes_it(
    house: House, of: Callable[[House], Change]
) -> None:
    change = of(house)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        ended = list(threads.map(house.refusal, [change(f"name {n}") for n in range(AT_ONCE)]))

    assert Counter(ended) == {None: 1, Reason.PRECONDITION_FAILED: AT_ONCE - 1}


def test_a_tag_is_the_same_for_what_was_just_made_and_what_is_read(house: House) -> None:
    tenant = house.tenant()
    room = house.room(tenant)
    seat = house.add(room).participant

    with house.engine.connect() as connection:
        tenant_read = tenants.get(connection, tenant.id)
        seat_read = participants.get(connection, tenant.id, room.id, seat.id)

    assert tenant_read is not None and etag_of(tenant_read) == etag_of(tenant)
    assert seat_read is not None and etag_of(seat_read) == etag_of(seat)


def test_coming_and_going_changes_no_tag_of_a_participant(house: House) -> None:
    room = house.room(house.tenant())
    seat = house.add(room).participant
    before = etag_of(seat)

    house.enter(room, seat.id)

    with house.engine.connect() as connection:
        there = participants.get(connection, room.tenant_id, room.id, seat.id)
    assert there is not None and there.joined_at is not None
    assert etag_of(there) == before
