"""API keys with scopes, and tokens that are to end before their time."""

from __future__ import annotations

from datetime import timedelta

from infra.contract.commands import CreateKey, KeyView, RevokeKey, RevokeToken
from infra.contract.messages import Done
from infra.contract.refusals import Reason, refuse
from infra.contract.scopes import EVERY_SCOPE
from infra.db import keys, tenants
from infra.db.work import Work
from workers.owners import every, owns
from workers.tools import Tools

LONGER = timedelta(hours=1)
"How long a revoked token is remembered after it expired: clocks differ."
AT_ONCE = 500


@owns(CreateKey)
def create_key(command: CreateKey, work: Work, tools: Tools) -> KeyView:
    tenant = tenants.lock(work.connection, command.tenant_id)
    if tenant is None:
        raise refuse(Reason.TENANT_UNKNOWN)
    if not tenant.is_active:
        raise refuse(Reason.TENANT_INACTIVE)
    unknown = set(command.scopes) - EVERY_SCOPE
    if unknown:
        raise refuse(Reason.MALFORMED, f"scopes: {sorted(unknown)[0][:64]} is none")
    if command.expires_at is not None and command.expires_at <= work.now:
        raise refuse(Reason.UNUSABLE, "expires_at is past")
    key = KeyView(
        id=command.key_id,
        tenant_id=tenant.id,
        name=command.name,
        scopes=tuple(sorted(set(command.scopes))),
        room_ids=command.room_ids,
        created_at=work.now,
        expires_at=command.expires_at,
    )
    if keys.add(work.connection, key, command.sha256):
        return key
    made = keys.find(work.connection, tenant.id, key.id, work.now)
    if made is None:
        raise refuse(Reason.MALFORMED, "this key or its id is taken")
    return made


@owns(RevokeKey)
def revoke_key(command: RevokeKey, work: Work, tools: Tools) -> Done:
    if keys.find(work.connection, command.tenant_id, command.key_id, work.now) is None:
        raise refuse(Reason.KEY_UNKNOWN)
    keys.expire(work.connection, command.tenant_id, command.key_id, work.now)
    return Done()


@owns(RevokeToken)
def revoke_token(command: RevokeToken, work: Work, tools: Tools) -> Done:
    """Revoking it again changes nothing."""
    keys.revoke(work.connection, command.tenant_id, command.jti, command.expires_at)
    return Done()


@every(600)
def forget_revoked_tokens(tools: Tools) -> None:
    """Those that would have expired by themselves, and codes that were used."""
    forgotten = AT_ONCE
    while forgotten == AT_ONCE:
        with tools.begin() as work:
            before = work.now - LONGER
            forgotten = keys.forget_revoked(work.connection, before=before, limit=AT_ONCE)
