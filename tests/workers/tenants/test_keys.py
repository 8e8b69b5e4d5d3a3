from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from infra.contract.commands import (
    CreateKey,
    CreateTenant,
    DeleteTenant,
    KeyView,
    RevokeKey,
    RevokeToken,
    RotateApiKey,
)
from infra.contract.ids import KeyId, RoomId, TenantId, new_id
from infra.contract.refusals import Reason
from infra.contract.scopes import Scope
from infra.contract.views import TenantView
from infra.db import keys
from infra.db.keys import GoodKey
from tests.support.house import House
from workers.tenants.keys import KEPT, LONGER, forget_ended_keys, forget_revoked_tokens


def creating(tenant: TenantView, sha256: str = "k1", **more: Any) -> CreateKey:
    scopes = more.pop("scopes", ("streams:read", "meetings:read", "meetings:read"))
    return CreateKey(
        tenant_id=tenant.id,
        key_id=KeyId(new_id()),
        sha256=sha256,
        name="robot",
        scopes=scopes,
        **more,
    )


def good(house: House, key_id: KeyId | None, at: datetime | None = None) -> GoodKey | None:
    assert key_id is not None
    with house.begin() as work:
        return keys.good(work.connection, key_id, at or house.now)


def by_digest(house: House, sha256: str, at: datetime | None = None) -> GoodKey | None:
    with house.begin() as work:
        return keys.by_digest(work.connection, sha256, at or house.now)


def listed(house: House, tenant: TenantView, **how: Any) -> list[KeyView]:
    with house.begin() as work:
        return keys.page(work.connection, tenant.id, house.now, **{"limit": 10, **how})


def test_a_key_with_scopes_is_found_by_digest_and_by_id(house: House) -> None:
    tenant, room = house.tenant(), RoomId(new_id())

    made = house.do(creating(tenant, room_ids=(room,)))

    assert made.scopes == ("meetings:read", "streams:read")
    expected = GoodKey(
        tenant_id=tenant.id,
        id=made.id,
        scopes=frozenset({Scope.MEETINGS_READ, Scope.STREAMS_READ}),
        rooms=frozenset({room}),
    )
    assert by_digest(house, "k1") == good(house, made.id) == expected
    assert listed(house, tenant) == [made]


def test_making_a_key_again_changes_nothing(house: House) -> None:
    tenant = house.tenant()
    command = creating(tenant)
    made = house.do(command)
    house.wait(minutes=1)

    assert house.do(command) == made
    assert house.refusal(creating(tenant)) is Reason.MALFORMED


def test_a_key_that_makes_no_sense_is_refused(house: House) -> None:
    tenant = house.tenant()

    assert house.refusal(creating(tenant, scopes=("meetings:read", "all"))) is Reason.MALFORMED
    assert house.refusal(creating(tenant, expires_at=house.now)) is Reason.UNUSABLE
    nobodys = tenant.model_copy(update={"id": TenantId(new_id())})
    assert house.refusal(creating(nobodys)) is Reason.TENANT_UNKNOWN
    house.do(DeleteTenant(tenant_id=tenant.id))
    assert house.refusal(creating(tenant)) is Reason.TENANT_INACTIVE


def test_a_key_ends_when_it_was_said_to(house: House) -> None:
    tenant = house.tenant()
    made = house.do(creating(tenant, expires_at=house.now + timedelta(minutes=1)))
    house.wait(seconds=59)
    assert good(house, made.id)

    house.wait(seconds=1)

    assert good(house, made.id) is by_digest(house, "k1") is None
    assert listed(house, tenant) == []


def test_a_revoked_key_opens_nothing(house: House) -> None:
    tenant, other = house.tenant(), house.tenant()
    made = house.do(creating(tenant))
    theirs = RevokeKey(tenant_id=other.id, key_id=made.id)
    assert house.refusal(theirs) is Reason.KEY_UNKNOWN

    house.do(RevokeKey(tenant_id=tenant.id, key_id=made.id))

    assert good(house, made.id) is by_digest(house, "k1") is None
    again = RevokeKey(tenant_id=tenant.id, key_id=made.id)
    assert house.refusal(again) is Reason.KEY_UNKNOWN


def test_with_a_key_end_those_made_with_it_and_no_others(house: House) -> None:
    tenant = house.tenant()
    maker, other = house.do(creating(tenant, "maker")), house.do(creating(tenant, "other"))
    child = house.do(creating(tenant, "child", made_with=maker.id))
    grandchild = house.do(creating(tenant, "grandchild", made_with=child.id))

    house.do(RevokeKey(tenant_id=tenant.id, key_id=maker.id))

    assert [good(house, key.id) for key in (maker, child, grandchild)] == [None] * 3
    assert good(house, other.id)
    late = creating(tenant, "late", made_with=maker.id)
    assert house.refusal(late) is Reason.BAD_CREDENTIALS


def test_a_key_ends_no_later_than_the_one_it_is_made_with(house: House) -> None:
    tenant, ends = house.tenant(), house.now + timedelta(minutes=5)
    maker = house.do(creating(tenant, "maker", expires_at=ends))

    def made(sha256: str, expires_at: datetime | None) -> CreateKey:
        return creating(tenant, sha256, made_with=maker.id, expires_at=expires_at)

    assert house.do(made("silent", None)).expires_at == ends
    assert house.do(made("as long", ends)).expires_at == ends
    assert house.refusal(made("longer", ends + timedelta(seconds=1))) is Reason.NOT_ALLOWED


def test_another_tenants_key_makes_none(house: House) -> None:
    theirs = house.do(creating(house.tenant()))

    made = creating(house.tenant(), "k2", made_with=theirs.id)

    assert house.refusal(made) is Reason.BAD_CREDENTIALS


def test_a_tenant_has_so_many_keys_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.tenants.keys.AT_MOST", 2)
    tenant = house.tenant()
    first = house.do(creating(tenant, "k1"))
    house.do(creating(tenant, "k2"))
    house.do(creating(house.tenant(), "theirs"))

    assert house.refusal(creating(tenant, "k3")) is Reason.NOT_ALLOWED

    house.do(RevokeKey(tenant_id=tenant.id, key_id=first.id))
    house.do(creating(tenant, "k3"))


def test_keys_that_ended_are_forgotten_in_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.tenants.keys.AT_ONCE", 2)
    tenant = house.tenant()
    kept = house.do(creating(tenant, "kept"))
    for number in range(5):
        ended = house.do(creating(tenant, f"k{number}"))
        house.do(RevokeKey(tenant_id=tenant.id, key_id=ended.id))

    def rows() -> int:
        forget_ended_keys(house.tools)
        with house.begin() as work:
            query = keys.KEYS.select().where(keys.KEYS.c.tenant_id == tenant.id)
            return len(work.connection.execute(query.where(keys.KEYS.c.scopes.is_not(None))).all())

    house.now += KEPT
    assert rows() == 6
    house.wait(seconds=1)
    assert rows() == 1
    assert good(house, kept.id)


def test_rotation_ends_a_tenants_own_keys_after_the_overlap_and_no_others(house: House) -> None:
    tenant = house.do(CreateTenant(tenant_id=TenantId(new_id()), name="A", api_key_sha256="old"))
    scoped = house.do(creating(tenant))
    old = by_digest(house, "old")
    assert old is not None
    assert (old.scopes, old.rooms) == (None, None)

    house.do(RotateApiKey(tenant_id=tenant.id, api_key_sha256="new", overlap_s=60))

    new = by_digest(house, "new")
    assert new is not None
    assert new.id not in (None, old.id)
    house.wait(seconds=59)
    assert good(house, old.id)
    house.wait(seconds=1)
    assert good(house, old.id) is by_digest(house, "old") is None
    assert good(house, new.id)
    assert good(house, scoped.id)


def test_a_tenants_own_key_is_neither_listed_nor_revoked(house: House) -> None:
    tenant = house.do(CreateTenant(tenant_id=TenantId(new_id()), name="A", api_key_sha256="old"))
    own = by_digest(house, "old")
    assert own is not None
    assert own.id is not None

    assert listed(house, tenant) == []
    assert house.refusal(RevokeKey(tenant_id=tenant.id, key_id=own.id)) is Reason.KEY_UNKNOWN


def test_keys_are_listed_newest_first_a_page_at_a_time(house: House) -> None:
    tenant = house.tenant()
    made = [house.do(creating(tenant, f"k{number}")) for number in range(5)]
    house.do(creating(house.tenant(), "theirs"))

    first = listed(house, tenant, limit=2)
    rest = listed(house, tenant, before=first[-1].id)

    assert [*first, *rest] == made[::-1]


def test_a_closed_tenants_keys_open_nothing(house: House) -> None:
    tenant = house.tenant()
    made = house.do(creating(tenant))

    house.do(DeleteTenant(tenant_id=tenant.id))

    assert good(house, made.id) is None


def test_a_revoked_token_is_remembered_until_it_would_have_expired(house: House) -> None:
    tenant, jti = house.tenant(), new_id()
    command = RevokeToken(
        tenant_id=tenant.id, jti=jti, expires_at=house.now + timedelta(minutes=15)
    )
    house.do(command)
    house.do(command)

    def revoked() -> bool:
        forget_revoked_tokens(house.tools)
        with house.begin() as work:
            return keys.is_revoked(work.connection, jti)

    assert revoked()
    house.wait(minutes=15)
    assert revoked()
    house.now += LONGER + timedelta(seconds=1)
    assert not revoked()


def test_however_many_tokens_were_revoked_none_is_remembered_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.tenants.keys.AT_ONCE", 2)
    tenant = house.tenant()
    for _ in range(5):
        house.do(RevokeToken(tenant_id=tenant.id, jti=new_id(), expires_at=house.now))

    house.now += LONGER + timedelta(seconds=1)
    forget_revoked_tokens(house.tools)

    with house.begin() as work:
        assert work.connection.execute(keys.REVOKED.select()).all() == []


def test_a_scope_that_is_known_no_more_opens_nothing(house: House) -> None:
    tenant = house.tenant()
    made = house.do(creating(tenant))
    with house.begin() as work:
        work.connection.execute(
            keys.KEYS.update().where(keys.KEYS.c.id == made.id).values(scopes=["a:b"])
        )

    found = good(house, made.id)

    assert found is not None
    assert found.scopes == frozenset()
