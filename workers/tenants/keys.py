"""API keys with scopes, and tokens that are to end before their time."""

from __future__ import annotations

from datetime import datetime, timedelta

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
AT_MOST = 500
"Keys with scopes that are good at once, of a tenant. More: a key that lists them reads for longer."
KEPT = timedelta(days=90)
"How long a key that ended, or was revoked, is kept for whoever asks what it was."


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
    if keys.count(work.connection, tenant.id, work.now) >= AT_MOST:
        raise refuse(Reason.NOT_ALLOWED, f"there are {AT_MOST} keys already: revoke one first")
    key = KeyView(
        id=command.key_id,
        tenant_id=tenant.id,
        name=command.name,
        scopes=tuple(sorted(set(command.scopes))),
        room_ids=command.room_ids,
        created_at=work.now,
        expires_at=_end(work, command),
    )
    if keys.add(work.connection, key, command.sha256, made_with=command.made_with):
        return key
    made = keys.find(work.connection, tenant.id, key.id, work.now)
    if made is None:
        raise refuse(Reason.MALFORMED, "this key or its id is taken")
    return made


def _end(work: Work, command: CreateKey) -> datetime | None:
    """No later than that of the key it is made with."""
    if command.made_with is None:
        return command.expires_at
    maker = keys.good(work.connection, command.made_with, work.now)
    if maker is None or maker.tenant_id != command.tenant_id:
        raise refuse(Reason.BAD_CREDENTIALS, "invalid API key")
    if maker.expires_at is None or command.expires_at is None:
        return command.expires_at or maker.expires_at
    if command.expires_at > maker.expires_at:
        raise refuse(Reason.NOT_ALLOWED, "expires_at is after that of the key it is made with")
    return command.expires_at


@owns(RevokeKey)
def revoke_key(command: RevokeKey, work: Work, tools: Tools) -> Done:
    # One at a time with keys that are being made: one made with this key ends with it.
    tenants.lock(work.connection, command.tenant_id)
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


@every(3600)
def forget_ended_keys(tools: Tools) -> None:
    forgotten = AT_ONCE
    while forgotten == AT_ONCE:
        with tools.begin() as work:
            before = work.now - KEPT
            forgotten = keys.forget_expired(work.connection, before=before, limit=AT_ONCE)
