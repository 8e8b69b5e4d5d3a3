"""API keys by digest and by id, and tokens that were revoked before their time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    update,
)

from infra.contract.commands import KeyView
from infra.contract.ids import KeyId, RoomId, TenantId, new_id
from infra.contract.scopes import Scope
from infra.db.tables import ApiKey, RevokedToken, Tenant
from infra.db.upsert import insert_new

KEYS = ApiKey.metadata.tables["api_keys"]
REVOKED = RevokedToken.metadata.tables["revoked_tokens"]
TENANTS = Tenant.metadata.tables["tenants"]


@dataclass(frozen=True, slots=True)
class GoodKey:
    """A key that opens something now."""

    tenant_id: TenantId
    id: KeyId | None
    "None: made before keys had ids."
    scopes: frozenset[Scope] | None
    "None: a tenant's own key, which may do everything."
    rooms: frozenset[RoomId] | None
    "None: every room."
    expires_at: datetime | None = None


def _good(row: Row[Any] | None) -> GoodKey | None:
    if row is None:
        return None
    return GoodKey(
        tenant_id=TenantId(row.tenant_id),
        id=KeyId(row.id) if row.id else None,
        # A scope that is not known any more opens nothing.
        scopes=None
        if row.scopes is None
        else frozenset(Scope(name) for name in row.scopes if name in set(Scope)),
        rooms=None
        if row.room_ids is None
        else frozenset(RoomId(UUID(room)) for room in row.room_ids),
        expires_at=row.expires_at,
    )


def _lasts(now: datetime) -> ColumnElement[bool]:
    return or_(KEYS.c.expires_at.is_(None), KEYS.c.expires_at > now)


def by_digest(connection: Connection, sha256: str, now: datetime) -> GoodKey | None:
    """The key with this hex digest, if it and its tenant are good."""
    return _good(
        connection.execute(
            select(KEYS)
            .join(TENANTS, TENANTS.c.id == KEYS.c.tenant_id)
            .where(KEYS.c.sha256 == sha256, _lasts(now), TENANTS.c.is_active)
        ).one_or_none()
    )


def good(connection: Connection, key_id: KeyId, now: datetime) -> GoodKey | None:
    """The key of this id, if it and its tenant are good."""
    return _good(
        connection.execute(
            select(KEYS)
            .join(TENANTS, TENANTS.c.id == KEYS.c.tenant_id)
            .where(KEYS.c.id == key_id, _lasts(now), TENANTS.c.is_active)
        ).one_or_none()
    )


def _with_scopes(tenant_id: TenantId, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return KEYS.c.tenant_id == tenant_id, KEYS.c.scopes.is_not(None), _lasts(now)


def view(row: Row[Any]) -> KeyView:
    return KeyView(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name or "",
        scopes=tuple(row.scopes or ()),
        room_ids=None if row.room_ids is None else tuple(row.room_ids),
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def page(
    connection: Connection,
    tenant_id: TenantId,
    now: datetime,
    *,
    limit: int,
    before: KeyId | None = None,
    within: frozenset[RoomId] | None = None,
) -> list[KeyView]:
    """The tenant's good keys with scopes, newest first; `within` rooms: those of no others."""
    query = select(KEYS).where(KEYS.c.id.is_not(None), *_with_scopes(tenant_id, now))
    if before is not None:
        query = query.where(KEYS.c.id < before)
    query = query.order_by(KEYS.c.id.desc())
    if within is None:
        return [view(row) for row in connection.execute(query.limit(limit))]
    # A tenant has some hundreds, and which rooms are among which is no matter for an index.
    theirs = (key for key in map(view, connection.execute(query)) if is_within(key, within))
    return list(islice(theirs, limit))


def is_within(key: KeyView, rooms: frozenset[RoomId] | None) -> bool:
    """Whether it is good for no rooms but these; None: for any."""
    return rooms is None or (key.room_ids is not None and rooms.issuperset(key.room_ids))


def count(connection: Connection, tenant_id: TenantId, now: datetime) -> int:
    """Of the tenant's good keys with scopes."""
    query = select(func.count()).select_from(KEYS).where(*_with_scopes(tenant_id, now))
    return connection.execute(query).scalar_one()


def find(
    connection: Connection, tenant_id: TenantId, key_id: KeyId, now: datetime
) -> KeyView | None:
    """A good key with scopes."""
    row = connection.execute(
        select(KEYS).where(KEYS.c.id == key_id, *_with_scopes(tenant_id, now))
    ).one_or_none()
    return view(row) if row else None


def add_own(connection: Connection, tenant_id: TenantId, sha256: str, now: datetime) -> bool:
    """A key that may do everything. False when it is there already."""
    return insert_new(
        connection, KEYS, sha256=sha256, id=new_id(), tenant_id=tenant_id, created_at=now
    )


def add(
    connection: Connection, key: KeyView, sha256: str, *, made_with: KeyId | None = None
) -> bool:
    """A key with scopes. False when it is there already."""
    return insert_new(
        connection,
        KEYS,
        sha256=sha256,
        id=key.id,
        tenant_id=key.tenant_id,
        name=key.name,
        scopes=list(key.scopes),
        room_ids=None if key.room_ids is None else [str(room) for room in key.room_ids],
        made_with=made_with,
        created_at=key.created_at,
        expires_at=key.expires_at,
    )


def expire_all(connection: Connection, tenant_id: TenantId, at: datetime) -> None:
    """No key of the tenant is good from `at` on; what ends sooner stays so."""
    _expire(connection, KEYS.c.tenant_id == tenant_id, at)


def expire_own(connection: Connection, tenant_id: TenantId, at: datetime, *, but: str) -> None:
    """None of the tenant's own keys except `but` is good from `at` on. Keys with scopes stay."""
    mine = and_(KEYS.c.tenant_id == tenant_id, KEYS.c.scopes.is_(None), KEYS.c.sha256 != but)
    _expire(connection, mine, at)


def expire(connection: Connection, tenant_id: TenantId, key_id: KeyId, at: datetime) -> None:
    """This key, those made with it, and those made with them."""
    ids = select(KEYS.c.id).where(KEYS.c.tenant_id == tenant_id)
    family = ids.where(KEYS.c.id == key_id).cte("family", recursive=True)
    family = family.union(ids.join(family, KEYS.c.made_with == family.c.id))
    _expire(connection, KEYS.c.id.in_(select(family.c.id)), at)


def _expire(connection: Connection, which: ColumnElement[bool], at: datetime) -> None:
    ends = KEYS.c.expires_at
    sooner = case((or_(ends.is_(None), ends > at), at), else_=ends)
    connection.execute(update(KEYS).where(which).values(expires_at=sooner))


def forget_expired(connection: Connection, *, before: datetime, limit: int) -> int:
    """Drop up to `limit` of those that ended before then; how many."""
    old = select(KEYS.c.sha256).where(KEYS.c.expires_at < before).limit(limit)
    return connection.execute(delete(KEYS).where(KEYS.c.sha256.in_(old))).rowcount


def revoke(connection: Connection, tenant_id: TenantId, jti: UUID, expires_at: datetime) -> bool:
    """False when it was revoked already."""
    return insert_new(connection, REVOKED, jti=jti, tenant_id=tenant_id, expires_at=expires_at)


def is_revoked(connection: Connection, jti: UUID) -> bool:
    return connection.execute(select(REVOKED.c.jti).where(REVOKED.c.jti == jti)).first() is not None


def forget_revoked(connection: Connection, *, before: datetime, limit: int) -> int:
    """Drop up to `limit` of those that would have expired by themselves before then; how many."""
    old = select(REVOKED.c.jti).where(REVOKED.c.expires_at < before).limit(limit)
    return connection.execute(delete(REVOKED).where(REVOKED.c.jti.in_(old))).rowcount
