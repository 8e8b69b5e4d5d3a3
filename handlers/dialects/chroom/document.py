"""What is said of Chroom's API besides its operations."""

from __future__ import annotations

from typing import Any

from handlers.auth import Principal
from handlers.context import Context
from handlers.dialects.chroom.refusals import CHROOM_SAYS, ChroomError
from handlers.dialects.chroom.routes import OPERATIONS
from handlers.dialects.chroom.wire import fields
from handlers.dialects.dialect import Dialect
from handlers.dialects.operation import Operation
from handlers.limits import Rate

PER_MINUTE = {"standard": 100, "premium": 1000}
"Requests by tier."

DESCRIPTION = """\
Every request carries `Authorization: Bearer` with an API key or an OAuth 2.0 access token. A key
made with scopes, and every access token of such a key, is good for the operations whose scopes it
has. An answer is the resource itself, a list is `{"items", "next_cursor"}`, a refusal is
`{"error", "message", "request_id"}`. Operations marked `x-extension` are not in the published
reference.

The standard tier has 100 requests a minute, the premium tier 1,000.

POST, PATCH and DELETE take an `Idempotency-Key`: a retry under the same key is the same command
and gets the same answer. 503 with `error: COMMAND_PENDING` says that the command may still be
carried out: retry under the same key to learn how it ended.
"""


def _scopes() -> dict[str, str]:
    """Every scope an operation asks for, and what it is for."""
    known = dict.fromkeys(each.scope for each in OPERATIONS if each.scope)
    return {scope: "{1} {0}".format(*scope.split(":")).capitalize() for scope in known}


SECURITY: dict[str, dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "oauth2": {
        "type": "oauth2",
        "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": _scopes()}},
    },
}


async def by_tier(here: Context, who: Principal, operation: Operation) -> Rate:
    """What the account's tier allows, to each of its clients by itself."""
    if who.tenant_id is None:
        return Rate("operator", here.limit.per_minute)
    tenant = await here.standing.tenant(who.tenant_id)
    tier = tenant.config.rate_tier if tenant else "standard"
    return Rate(f"chroom:{who.tenant_id}:{who.subject}", PER_MINUTE[tier])


CHROOM = Dialect(
    name="chroom",
    title="Parley: Chroom Open API",
    version="1.0",
    description=DESCRIPTION,
    prefixes=("/api",),
    operations=OPERATIONS,
    says=CHROOM_SAYS,
    error=ChroomError,
    rates=by_tier,
    security=SECURITY,
    ids={
        "room_id": fields.MEETING,
        "participant_id": fields.PARTICIPANT,
        "track_id": fields.STREAM,
        "key_id": fields.KEY,
    },
)
