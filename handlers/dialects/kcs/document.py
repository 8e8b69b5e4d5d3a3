"""What is said of KCS Meeting's API besides its operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.auth import Principal
from handlers.context import Context
from handlers.dialects.dialect import Dialect
from handlers.dialects.kcs.refusals import KCS_SAYS, Error
from handlers.dialects.kcs.routes import OPERATIONS
from handlers.dialects.operation import Operation
from handlers.limits import Rate

DESCRIPTION = """\
Every request carries `Authorization: Bearer <JWT>` with `user_id`, `campus_id` and `role`, or the
campus's API key, which acts as host of every meeting. An answer is
`{"success": true, "data", "message"?, "count"?}`, always with status 200; a refusal is
`{"success": false, "message", "code", "request_id"}`. Operations marked `x-extension` are not in
the published reference.

A meeting is its creator's and those who are invited to it: nobody else of the campus sees it, and
for another campus there is none.

POST, PUT, PATCH and DELETE take an `Idempotency-Key`: a retry under the same key is the same
command and gets the same answer. 503 with `code: COMMAND_PENDING` says that the command may still
be carried out: retry under the same key to learn how it ended.
"""

SECURITY: dict[str, dict[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A user's token, or an API key.",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}

PER_MINUTE: Mapping[str, int] = {"general": 100, "create": 10, "join": 20, "manage": 30}
"Requests of one user, by class. Published: frontends pace themselves by them."


async def by_user(here: Context, who: Principal, operation: Operation) -> Rate:
    whom = f"kcs:{operation.rate}:{who.tenant_id}:{who.subject}"
    return Rate(whom, PER_MINUTE[operation.rate])


KCS = Dialect(
    name="kcs",
    title="Parley: KCS Meeting API",
    version="1.0.0",
    description=DESCRIPTION,
    prefixes=("/api/meeting", "/meeting"),
    operations=OPERATIONS,
    says=KCS_SAYS,
    error=Error,
    rates=by_user,
    security=SECURITY,
    ids={
        "room_id": "meeting",
        "participant_id": "participant",
    },
)
