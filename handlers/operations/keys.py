"""What may be done with API keys that are good for certain things only.

Nobody gives what they do not have: a key, or a token made with one, makes no key of more scopes, of
other meetings or of a longer life. Who is confined to certain meetings knows of no keys but those
that are good for no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from handlers.call import Call
from infra.contract.commands import CreateKey, KeyView, RevokeKey
from infra.contract.ids import KeyId, RoomId, new_id
from infra.contract.refusals import Reason, refuse
from infra.contract.scopes import EVERY_SCOPE, Scope
from infra.db import keys, rooms
from infra.secrets import api_key_sha256


async def create(
    call: Call,
    *,
    name: str,
    scopes: Sequence[str],
    room_ids: Sequence[RoomId] | None = None,
    expires_at: datetime | None = None,
) -> tuple[KeyView, str]:
    """The new key's row, and the key, which nothing shows again but a retry of this command.

    Raises `Refused`: MALFORMED, SCOPE_MISSING, ROOM_UNKNOWN, and what `CreateKey` does.
    """
    wanted = _known(scopes)
    for scope in wanted:
        call.who.require(scope)
    if room_ids is None and call.who.rooms is not None:
        raise refuse(Reason.NOT_ALLOWED, "this key is good for certain meetings only")
    for room_id in room_ids or ():
        found = await call.here.reader.read(rooms.get, call.tenant_id, call.in_room(room_id))
        if found is None:
            raise refuse(Reason.ROOM_UNKNOWN)
    if expires_at is not None and expires_at <= call.here.now():
        raise refuse(Reason.UNUSABLE, "expires_at is past")
    key = call.here.secrets.scoped_key(call.command_id)
    made = await call.ask(
        CreateKey(
            tenant_id=call.tenant_id,
            key_id=KeyId(new_id()),
            sha256=api_key_sha256(key),
            name=name,
            scopes=tuple(sorted(wanted)),
            room_ids=None if room_ids is None else tuple(dict.fromkeys(room_ids)),
            expires_at=expires_at,
            made_with=None if call.who.scopes is None else call.who.key_id,
        )
    )
    return made, key


async def page(call: Call, limit: int, before: KeyId | None) -> list[KeyView]:
    """Keys that are good now, newest first."""
    return await call.here.reader.read(
        keys.page,
        call.tenant_id,
        call.here.now(),
        limit=limit,
        before=before,
        within=call.who.rooms,
    )


async def get(call: Call, key_id: KeyId) -> KeyView:
    found = await _find(call, key_id)
    if found is None:
        raise refuse(Reason.KEY_UNKNOWN)
    return found


async def revoke(call: Call, key_id: KeyId) -> None:
    """It opens nothing from now on, nor do the tokens and keys made with it: within seconds
    everywhere. A retry under its `Idempotency-Key` finds the key gone, and its owner knows why."""
    await _find(call, key_id)
    await call.ask(RevokeKey(tenant_id=call.tenant_id, key_id=key_id))
    call.here.standing.forget()


async def _find(call: Call, key_id: KeyId) -> KeyView | None:
    """Raises `Refused` KEY_UNKNOWN for one that is beyond who asks."""
    found = await call.here.reader.read(keys.find, call.tenant_id, key_id, call.here.now())
    if found is not None and not keys.is_within(found, call.who.rooms):
        raise refuse(Reason.KEY_UNKNOWN)
    return found


def _known(scopes: Sequence[str]) -> set[Scope]:
    unknown = [name for name in scopes if name not in EVERY_SCOPE]
    if unknown or not scopes:
        raise refuse(Reason.MALFORMED, "scopes: one or more of " + ", ".join(Scope))
    return {Scope(name) for name in scopes}
