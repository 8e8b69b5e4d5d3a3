"""API keys that are good for certain things only, each of which is an OAuth 2.0 client too."""

from __future__ import annotations

from functools import partial

from handlers.auth import May
from handlers.call import Call
from handlers.dialects import names
from handlers.dialects.chroom.wire import fields
from handlers.dialects.chroom.wire import keys as wire
from handlers.dialects.chroom.wire.fields import Page
from handlers.dialects.operation import Table
from handlers.operations import keys
from infra.contract.ids import KeyId
from infra.contract.refusals import Reason
from infra.contract.scopes import Scope

TABLE = Table()
govern = partial(TABLE.add, tag="keys", may=May.GOVERN, extension=True)


@govern("POST", "/keys", scope=Scope.KEYS_WRITE, refuses=(Reason.ROOM_UNKNOWN, Reason.UNUSABLE))
async def create_key(call: Call, body: wire.CreateKey) -> wire.NewKey:
    """Create an API key.

    Good for these scopes alone, and for these meetings where any are named. Nobody gives what they
    do not have: a key makes none of other scopes, for other meetings, or that outlives it. Nothing
    shows the key again, except a retry under the same `Idempotency-Key`.
    """
    made, key = await keys.create(
        call,
        name=body.name,
        scopes=body.scopes,
        room_ids=body.room_ids,
        expires_at=body.expires_at,
    )
    return wire.NewKey.with_secret(made, key)


@govern("GET", "/keys", scope=Scope.KEYS_READ)
async def list_keys(call: Call, query: Page) -> wire.Keys:
    """List the API keys that are good now, newest first.

    To a key of certain meetings, those of no others.
    """
    after = query.after
    found = await keys.page(call, query.limit + 1, KeyId(after) if after else None)
    page = found[: query.limit]
    return wire.Keys(
        items=[wire.Key.of(key) for key in page],
        next_cursor=fields.cursor(page[-1].id if len(found) > len(page) else None),
    )


@govern("GET", "/keys/{key_id}", scope=Scope.KEYS_READ)
async def get_key(call: Call, key_id: KeyId) -> wire.Key:
    """Get an API key, without the key itself."""
    return wire.Key.of(await keys.get(call, key_id))


@govern("DELETE", "/keys/{key_id}", scope=Scope.KEYS_WRITE)
async def revoke_key(call: Call, key_id: KeyId) -> wire.RevokedKey:
    """Revoke an API key.

    It opens nothing more, nor does any token or other key made with it.
    """
    await keys.revoke(call, key_id)
    return wire.RevokedKey(key_id=names.shown(fields.KEY, key_id))
