"""Pages of other origins: what their browsers let them ask of us, and which of them a tenant wants.

No cookie says who asks here, so a page is let in by the credential it was given and by nothing the
browser adds: any page may read an answer, and a tenant's `allowed_origins` says whose may ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from handlers.context import context
from infra.contract.ids import TenantId
from infra.contract.refusals import Reason, refuse

READABLE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "Accept-Patch, Accept-Post, ETag, Link, Location, Retry-After, WWW-Authenticate, "
        "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id"
    ),
}
"On every answer to a page (Fetch, section 3.2.3)."
_SENDABLE = "Authorization, Content-Type, Idempotency-Key, If-Match, X-API-Key, X-Request-Id"
_REMEMBERED_S = 600


def preflight(methods: Iterable[str]) -> Response:
    """What a browser asks before it lets a page send more than a form could (Fetch, 3.2.2)."""
    listed = ", ".join(methods)
    headers = {
        "Allow": listed,
        "Access-Control-Allow-Methods": listed,
        "Access-Control-Allow-Headers": _SENDABLE,
        "Access-Control-Max-Age": str(_REMEMBERED_S),
    }
    return Response(status_code=204, headers=headers)


async def require_allowed(conn: HTTPConnection, tenant_id: TenantId) -> None:
    """Raises `Refused` ORIGIN_NOT_ALLOWED for a page the tenant does not want.

    Our own page may always ask. What is no browser names no origin, and needs no permission.
    """
    origin = conn.headers.get("origin")
    if origin is None or urlsplit(origin).netloc == conn.headers.get("host"):
        return
    tenant = await context(conn).standing.tenant(tenant_id)
    allowed = tenant.config.allowed_origins if tenant else ()
    if allowed and not any(_matches(origin.lower(), name) for name in allowed):
        raise refuse(Reason.ORIGIN_NOT_ALLOWED)


def _matches(origin: str, allowed: str) -> bool:
    if allowed.endswith(":*"):
        return origin.startswith(allowed[:-1]) and origin.removeprefix(allowed[:-1]).isdecimal()
    return origin == allowed.lower()
