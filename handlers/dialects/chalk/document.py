"""What is said of Chalk's API besides its operations."""

from __future__ import annotations

from typing import Any

from handlers.dialects.chalk.refusals import CHALK_SAYS, Error
from handlers.dialects.chalk.routes import OPERATIONS
from handlers.dialects.dialect import Dialect, by_tenant

DESCRIPTION = """\
Every request carries an API key (`X-API-Key`) or a bearer token. An answer is the resource
itself; a refusal is `{"error", "code", "request_id"}`. Operations marked `x-extension` are not in
the published reference.

POST, PATCH and DELETE take an `Idempotency-Key`: a retry under the same key is the same command
and gets the same answer. 503 with `code: COMMAND_PENDING` says that the command may still be
carried out: retry under the same key to learn how it ended.
"""

_SOCKET: dict[str, Any] = {
    "get": {
        "operationId": "open_socket",
        "summary": "WebSocket connection",
        "description": (
            "Offer the subprotocols `chalk` and `token.<jwt>`, with an access token that names a "
            'room. Frames are JSON: `{"event", "data"}`; a request may carry an `id`, which its '
            "answer echoes. With `chalk.payload` in place of `chalk` they are "
            '`{"type", "payload"}`.'
        ),
        "tags": ["websocket"],
        "security": [],
        "parameters": [
            {
                "name": "Sec-WebSocket-Protocol",
                "in": "header",
                "required": False,
                "schema": {"type": "string"},
                "example": "chalk, token.eyJhbGciOi...",
            },
            {
                "name": "token",
                "in": "query",
                "required": False,
                "deprecated": True,
                "schema": {"type": "string"},
            },
        ],
        "responses": {
            "101": {"description": "The socket is open."},
            **{
                status: {
                    "description": said,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Error"}}
                    },
                }
                for status, said in {
                    "400": "the token names no room",
                    "401": "no token, or one that is not good",
                    "403": "origin not allowed",
                    "404": "room not found",
                }.items()
            },
            "426": {"description": "A plain GET: an upgrade is needed."},
        },
    }
}

SECURITY: dict[str, dict[str, Any]] = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token from /auth/token, or an API key.",
    },
}

CHALK = Dialect(
    name="chalk",
    title="Parley: Chalk API",
    version="1.0",
    description=DESCRIPTION,
    prefixes=("/api/v1",),
    operations=OPERATIONS,
    says=CHALK_SAYS,
    error=Error,
    rates=by_tenant,
    security=SECURITY,
    also={"/ws": _SOCKET},
)
