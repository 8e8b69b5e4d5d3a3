from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from infra.contract.commands import CreateRoom, DeleteTenant, EndRoom, UpdateRoom, UpdateTenant
from infra.contract.ids import RoomId, TenantId, new_id
from infra.contract.refusals import Reason
from infra.contract.views import RoomState, TenantConfig, TenantView
from infra.db import rooms
from tests.support.house import House, joining
from workers.rooms import quota


def creating(tenant: TenantView, **fields: object) -> CreateRoom:
    return CreateRoom.model_validate(
        {"room_id": new_id(), "tenant_id": tenant.id, "name": "Standup", **fields}
    )


def test_a_new_room_can_be_joined_at_once(house: House) -> None:
    room = house.do(creating(house.tenant(), metadata={"team": "blue"}))

    assert house.seen(room) == room
    assert (room.name, room.state, room.metadata) == ("Standup", RoomState.LIVE, {"team": "blue"})
    assert house.add(room).room.id == room.id


def test_a_room_without_a_name_is_named_after_its_id(house: House) -> None:
    room = house.do(creating(house.tenant(), name=None))

    assert room.name == str(room.id)


def test_making_a_room_again_changes_nothing(house: House) -> None:
    command = creating(house.tenant(max_concurrent_rooms=1))
    made = house.do(command)
    house.wait(seconds=5)

    assert house.do(command) == made


def test_a_tenant_has_no_more_live_rooms_than_its_quota(house: House) -> None:
    tenant = house.tenant(max_concurrent_rooms=2)
    first = house.do(creating(tenant))
    house.do(creating(tenant))

    assert house.refusal(creating(tenant)) is Reason.ROOM_QUOTA_REACHED

    house.do(EndRoom(tenant_id=tenant.id, room_id=first.id))
    assert house.refusal(creating(tenant)) is None


def test_one_tenants_rooms_do_not_use_up_anothers_quota(house: House) -> None:
    house.do(creating(house.tenant(max_concurrent_rooms=1)))

    assert house.refusal(creating(house.tenant(max_concurrent_rooms=1))) is None


def test_many_at_once_do_not_exceed_the_quota(house: House) -> None:
    tenant = house.tenant(max_concurrent_rooms=5)

    with ThreadPoolExecutor(8) as threads:
        refused = list(threads.map(house.refusal, [creating(tenant) for _ in range(16)]))

    assert refused.count(None) == 5
    assert refused.count(Reason.ROOM_QUOTA_REACHED) == 11


def test_a_quota_that_shrinks_holds_for_a_tenant_that_was_far_from_it(house: House) -> None:
    tenant = house.tenant(max_concurrent_rooms=quota.MARGIN * 2)
    house.do(creating(tenant))
    house.do(creating(tenant))

    house.do(UpdateTenant(tenant_id=tenant.id, max_concurrent_rooms=2))

    assert house.refusal(creating(tenant)) is Reason.ROOM_QUOTA_REACHED


def test_a_closed_tenant_makes_no_rooms(house: House) -> None:
    far_from_quota = house.tenant(max_concurrent_rooms=quota.MARGIN * 2)
    house.do(creating(far_from_quota))
    for tenant in (house.tenant(), far_from_quota):
        house.do(DeleteTenant(tenant_id=tenant.id))

        assert house.refusal(creating(tenant)) is Reason.TENANT_INACTIVE


def test_an_unknown_tenant_makes_no_rooms(house: House) -> None:
    command = creating(house.tenant()).model_copy(update={"tenant_id": TenantId(new_id())})

    assert house.refusal(command) is Reason.TENANT_UNKNOWN


def test_a_room_is_unknown_to_other_tenants(house: House) -> None:
    room, other = house.room(house.tenant(), "Standup"), house.tenant()

    with house.engine.connect() as connection:
        assert rooms.get(connection, other.id, room.id) is None
        assert rooms.find(connection, other.id, "Standup") is None
        assert rooms.page(connection, other.id, 20, 0) == ([], 0)
    renaming = UpdateRoom(tenant_id=other.id, room_id=room.id, name="Mine")
    assert house.refusal(renaming) is Reason.ROOM_UNKNOWN
    assert house.refusal(EndRoom(tenant_id=other.id, room_id=room.id)) is Reason.ROOM_UNKNOWN
    assert house.refusal(joining(other.id, str(room.id))) is Reason.ROOM_UNKNOWN


def test_only_live_rooms_are_listed_newest_first(house: House) -> None:
    tenant = house.tenant()
    made = [house.room(tenant, name) for name in "abcd"]
    house.do(EndRoom(tenant_id=tenant.id, room_id=made[1].id))

    with house.engine.connect() as connection:
        page, total = rooms.page(connection, tenant.id, limit=2, offset=1)

    assert [room.name for room in page] == ["c", "a"]
    assert total == 3


def test_a_change_touches_only_what_it_names_and_is_news(house: House) -> None:
    room = house.room(house.tenant(), "Standup", max_participants=4)

    changed = house.do(
        UpdateRoom(tenant_id=room.tenant_id, room_id=room.id, config={"chat_enabled": False})
    )

    assert (changed.name, changed.config.max_participants) == ("Standup", 4)
    assert not changed.config.chat_enabled
    assert changed == house.seen(room)
    [event] = house.log(room)
    assert event.kind == "room.updated"
    assert event.data["room"] == changed.model_dump(mode="json")


def test_a_configuration_that_makes_no_sense_is_refused(house: House) -> None:
    room = house.room(house.tenant())
    for config in ({"max_participants": 1}, {"colour": "blue"}, {"chat_enabled": None}):
        change = UpdateRoom(tenant_id=room.tenant_id, room_id=room.id, config=config)

        assert house.refusal(change) is Reason.MALFORMED
    assert house.seen(room).config == room.config


# --- opened by joining ---


def test_joining_an_unknown_name_makes_the_room(house: House) -> None:
    tenant = house.tenant()

    first = house.do(joining(tenant.id, "daily"))
    second = house.do(joining(tenant.id, "daily"))

    assert (first.room_created, second.room_created) == (True, False)
    assert first.room.name == "daily"
    assert first.room.id == second.room.id


def test_joining_an_unknown_name_fails_where_nobody_may_come_early(house: House) -> None:
    strict = house.tenant(TenantConfig(allow_early_join=False))

    assert house.refusal(joining(strict.id, "daily")) is Reason.ROOM_UNKNOWN
    guest = joining(house.tenant().id, "daily", may_make_room=False)
    assert house.refusal(guest) is Reason.ROOM_UNKNOWN


def test_an_unknown_id_makes_no_room(house: House) -> None:
    assert house.refusal(joining(house.tenant().id, str(new_id()))) is Reason.ROOM_UNKNOWN


def test_many_who_join_one_new_name_at_once_make_one_room(house: House) -> None:
    tenant = house.tenant()

    with ThreadPoolExecutor(8) as threads:
        seated = list(threads.map(house.do, [joining(tenant.id, "daily") for _ in range(8)]))

    assert {reply.room.id for reply in seated} == {seated[0].room.id}
    assert [reply.room_created for reply in seated].count(True) == 1


def test_joining_an_ended_room_opens_it_again(house: House) -> None:
    tenant = house.tenant()
    room = house.room(tenant, "daily")
    house.come(room)
    house.do(EndRoom(tenant_id=tenant.id, room_id=room.id))
    house.wait(hours=1)

    seated = house.do(joining(tenant.id, "daily"))

    assert seated.room.id == room.id
    assert not seated.room_created
    opened = house.seen(room)
    assert (opened.state, opened.started_at, opened.ended_at) == (RoomState.LIVE, house.now, None)
    assert opened.participant_count == 0
    assert house.kinds(room)[-2:] == ["room.ended", "room.started"]


def test_an_ended_room_stays_ended_where_nobody_may_come_early(house: House) -> None:
    strict = house.tenant(TenantConfig(allow_early_join=False))
    room = house.room(strict)
    house.do(EndRoom(tenant_id=strict.id, room_id=room.id))

    assert house.refusal(joining(strict.id, str(room.id))) is Reason.ROOM_NOT_ACTIVE


def test_opening_a_room_by_joining_respects_the_quota(house: House) -> None:
    tenant = house.tenant(max_concurrent_rooms=1)
    ended = house.room(tenant, "old")
    house.do(EndRoom(tenant_id=tenant.id, room_id=ended.id))
    house.room(tenant, "new")

    assert house.refusal(joining(tenant.id, "another")) is Reason.ROOM_QUOTA_REACHED
    assert house.refusal(joining(tenant.id, "old")) is Reason.ROOM_QUOTA_REACHED
    assert house.refusal(joining(tenant.id, "new")) is None


def test_a_shared_name_means_the_newest_room(house: House) -> None:
    tenant = house.tenant()
    house.room(tenant, "daily")
    newest = house.room(tenant, "daily")

    assert house.do(joining(tenant.id, "daily")).room.id == newest.id


def test_a_closed_tenant_lets_nobody_in(house: House) -> None:
    room = house.room(house.tenant())
    house.do(DeleteTenant(tenant_id=room.tenant_id))

    assert house.refusal(joining(room.tenant_id, str(room.id))) is Reason.TENANT_INACTIVE


def test_an_id_that_another_room_has_makes_no_room(house: House) -> None:
    theirs = house.room(house.tenant())
    tenant = house.tenant()

    taken = creating(tenant, room_id=RoomId(theirs.id))

    assert house.refusal(taken) is Reason.ROOM_UNKNOWN
    assert house.seen(theirs) == theirs
