from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from infra.contract.commands import CreateTenant, DeleteTenant, RotateApiKey, UpdateTenant
from infra.contract.ids import TenantId, new_id
from infra.contract.refusals import Reason, Refused
from infra.contract.views import DuplicatePolicy, TenantConfig, TenantView
from infra.db import tenants
from tests.support.house import House


def creating(key: str) -> CreateTenant:
    return CreateTenant(
        tenant_id=TenantId(new_id()),
        name="Acme",
        api_key_sha256=key,
        max_concurrent_rooms=7,
        config=TenantConfig(transcription_keywords=("Parley",)),
    )


def opened_by(house: House, key: str) -> TenantView | None:
    with house.begin() as work:
        return tenants.by_api_key(work.connection, key, house.now)


def test_a_tenant_is_opened_by_its_key(house: House) -> None:
    made = house.do(creating("aa"))

    assert opened_by(house, "aa") == made
    assert (made.max_concurrent_rooms, made.max_participants_per_room) == (7, None)
    assert made.config.transcription_keywords == ("Parley",)
    assert opened_by(house, "bb") is None


def test_making_a_tenant_again_changes_nothing(house: House) -> None:
    command = creating("aa")
    made = house.do(command)
    house.wait(minutes=1)

    assert house.do(command) == made


def test_a_key_opens_one_tenant(house: House) -> None:
    made = house.do(creating("aa"))

    assert house.refusal(creating("aa")) is Reason.TENANT_UNKNOWN
    assert opened_by(house, "aa") == made


def test_only_what_is_named_changes(house: House) -> None:
    made = house.do(creating("aa"))
    house.wait(minutes=1)

    changed = house.do(
        UpdateTenant(
            tenant_id=made.id,
            max_participants_per_room=50,
            config={"duplicate_participant_policy": "allow"},
        )
    )

    assert changed == made.model_copy(
        update={
            "max_participants_per_room": 50,
            "config": made.config.model_copy(
                update={"duplicate_participant_policy": DuplicatePolicy.ALLOW}
            ),
            "updated_at": house.now,
        }
    )
    assert opened_by(house, "aa") == changed


def test_a_configuration_that_makes_no_sense_is_refused(house: House) -> None:
    made = house.do(creating("aa"))
    for config in (
        {"empty_room_timeout_minutes": 0},
        {"duplicate_participant_policy": "maybe"},
        {"is_admin": True},
        {"allowed_origins": ["https://a.example"] * 21},
    ):
        change = UpdateTenant(tenant_id=made.id, config=config)

        assert house.refusal(change) is Reason.MALFORMED
    assert opened_by(house, "aa") == made


def test_a_new_key_replaces_the_old_at_once(house: House) -> None:
    made = house.do(creating("aa"))

    house.do(RotateApiKey(tenant_id=made.id, api_key_sha256="bb"))

    assert opened_by(house, "aa") is None
    assert opened_by(house, "bb") == made


def test_an_old_key_stays_good_for_the_overlap(house: House) -> None:
    made = house.do(creating("aa"))
    rotating = RotateApiKey(tenant_id=made.id, api_key_sha256="bb", overlap_s=60)
    house.do(rotating)
    house.wait(seconds=59)
    house.do(rotating)
    assert opened_by(house, "aa") == opened_by(house, "bb") == made

    house.wait(seconds=1)

    assert opened_by(house, "aa") is None
    assert opened_by(house, "bb") == made


def test_a_second_rotation_does_not_prolong_the_oldest_key(house: House) -> None:
    made = house.do(creating("aa"))
    house.do(RotateApiKey(tenant_id=made.id, api_key_sha256="bb", overlap_s=60))
    house.do(RotateApiKey(tenant_id=made.id, api_key_sha256="cc", overlap_s=3600))

    house.wait(seconds=60)

    assert opened_by(house, "aa") is None
    assert opened_by(house, "bb") == opened_by(house, "cc") == made


def test_a_closed_tenant_is_opened_by_no_key(house: House) -> None:
    made = house.do(creating("aa"))
    house.do(RotateApiKey(tenant_id=made.id, api_key_sha256="bb", overlap_s=60))
    closing = DeleteTenant(tenant_id=made.id)

    house.do(closing)
    house.do(closing)

    assert opened_by(house, "aa") is opened_by(house, "bb") is None
    with house.engine.connect() as connection:
        closed = tenants.get(connection, made.id)
    assert closed == made.model_copy(update={"is_active": False, "updated_at": house.now})
    assert house.refusal(UpdateTenant(tenant_id=made.id, name="B")) is Reason.TENANT_INACTIVE
    rotating = RotateApiKey(tenant_id=made.id, api_key_sha256="cc")
    assert house.refusal(rotating) is Reason.TENANT_INACTIVE


def test_an_unknown_tenant_is_unknown(house: House) -> None:
    nobody = TenantId(new_id())

    for command in (
        UpdateTenant(tenant_id=nobody, name="B"),
        DeleteTenant(tenant_id=nobody),
        RotateApiKey(tenant_id=nobody, api_key_sha256="aa"),
    ):
        assert house.refusal(command) is Reason.TENANT_UNKNOWN


def test_of_many_tenants_that_want_one_name_at_once_one_gets_it(house: House) -> None:
    def named(tenant: TenantView) -> str:
        try:
            return house.do(UpdateTenant(tenant_id=tenant.id, external_ref="campus-1")).name
        except Refused as no:
            return no.refusal.detail or ""

    wanting = [house.tenant() for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        said: Sequence[str] = sorted(threads.map(named, wanting))

    assert said == ["Acme"] + ["external_ref is taken"] * 5
