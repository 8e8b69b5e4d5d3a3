"""OAuth 2.0 for machines: tokens for clients, and what may be asked of tokens.

API keys are the clients; their secrets travel in a header or a form, never in a URL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749.util import extract_basic_authorization
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from handlers.auth import CREDENTIAL_LIMIT, principal_of, require_lasting
from handlers.context import Context, context
from handlers.limits import Rate
from handlers.oauth.server import (
    AUTH_METHODS,
    BASIC,
    GRANT,
    NOT_STORED,
    Asked,
    Client,
    Server,
    ShownToken,
)
from handlers.tokens import Audience, Claims, TokenType
from infra.contract.commands import RevokeToken
from infra.contract.refusals import Reason, Refused
from infra.contract.scopes import EVERY_SCOPE

FORM = "application/x-www-form-urlencoded"
FORM_LIMIT = 32_768
"Bytes of a request's body."
FIELDS = 20
REQUEST_S = 10.0
"Seconds a request may take in all."
PUBLIC = {"Cache-Control": "public, max-age=300"}
KINDS: Sequence[tuple[TokenType, Audience]] = (
    ("access", "chroom"),
    ("access", "chalk"),
    ("refresh", "chalk"),
)
"What a token that somebody sends may be."

Ask = Callable[[Server, Asked], JSONResponse]


class _Bad(Exception):
    """A request that is none."""


async def token(request: Request) -> Response:
    """RFC 6749, section 4.4."""

    def grant(server: Server, asked: Asked) -> JSONResponse:
        if asked.payload.grant_type is None:
            raise _Bad("grant_type is missing")
        if asked.payload.grant_type != GRANT:
            return _error(400, "unsupported_grant_type", f"only {GRANT} is possible")
        response: JSONResponse = server.create_token_response(asked)
        return response

    return await _served(request, grant)


async def revoke(request: Request) -> Response:
    """RFC 7009."""
    return await _served(request, lambda server, asked: _asked(server, "revocation", asked))


async def introspect(request: Request) -> Response:
    """RFC 7662."""
    return await _served(request, lambda server, asked: _asked(server, "introspection", asked))


async def metadata(request: Request) -> Response:
    """RFC 8414."""
    base = context(request).settings.base_url
    return JSONResponse(
        {
            "issuer": base,
            "token_endpoint": f"{base}/oauth/token",
            "token_endpoint_auth_methods_supported": AUTH_METHODS,
            "revocation_endpoint": f"{base}/oauth/revoke",
            "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
            "introspection_endpoint": f"{base}/oauth/introspect",
            "introspection_endpoint_auth_methods_supported": AUTH_METHODS,
            "jwks_uri": f"{base}/oauth/jwks",
            "scopes_supported": sorted(EVERY_SCOPE),
            "grant_types_supported": [GRANT],
            "response_types_supported": [],
            "service_documentation": f"{base}/docs",
        },
        headers=PUBLIC,
    )


async def jwks(request: Request) -> Response:
    """RFC 7517, section 5."""
    return JSONResponse({"keys": [context(request).tokens.public_jwk]}, headers=PUBLIC)


routes: list[BaseRoute] = [
    Route("/oauth/token", token, methods=["POST"]),
    Route("/oauth/revoke", revoke, methods=["POST"]),
    Route("/oauth/introspect", introspect, methods=["POST"]),
    Route("/oauth/jwks", jwks),
    Route("/.well-known/oauth-authorization-server", metadata),
]


async def _served(request: Request, ask: Ask) -> Response:
    try:
        async with asyncio.timeout(REQUEST_S):
            limited = await _limited(request)
            return limited or await _answered(request, ask)
    except _Bad as bad:
        return _error(400, "invalid_request", str(bad))
    except Refused as no:
        return _unavailable(no.refusal.retry_after_s)
    except TimeoutError:
        return _unavailable(None)


async def _answered(request: Request, ask: Ask) -> Response:
    here = context(request)
    form = await _form(request)
    server = Server(
        here.tokens, await _client(here, request, form), await _token(here, form.get("token"))
    )
    answer = ask(server, Asked(request.headers, form))
    if server.revoked is not None:
        claims = server.revoked.claims
        await here.bus.ask(
            RevokeToken(tenant_id=claims.tenant_id, jti=claims.jti, expires_at=claims.expires_at),
            request_id=request.state.request_id,
        )
        here.standing.forget()
    return answer


async def _limited(request: Request) -> Response | None:
    """Guessers of secrets are counted by where they come from, as everywhere."""
    limit = context(request).limit
    allowance = await limit.hit(Rate(f"address:{request.state.address}", limit.per_minute))
    if allowance is None:
        return None
    request.state.headers.update(allowance.headers)
    if allowance.allowed:
        return None
    return _error(429, "temporarily_unavailable", "too many requests")


async def _form(request: Request) -> dict[str, str]:
    """Raises `_Bad` for what is no form, and for parameters in the URL: URLs end up in logs."""
    if request.scope["query_string"]:
        raise _Bad("parameters belong into the body")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise _Bad(f"Content-Type must be {FORM}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            raise _Bad("the body is too large")
    try:
        # An empty value is as good as none (RFC 6749, section 3.2).
        pairs = parse_qsl(body.decode("ascii"), max_num_fields=FIELDS, errors="strict")
    except ValueError as wrong:
        raise _Bad("not a form") from wrong
    form = dict(pairs)
    if len(form) < len(pairs):
        raise _Bad("a parameter stands twice")
    if any("\0" in value for value in form.values()):
        raise _Bad("not a form")
    return form


async def _client(here: Context, request: Request, form: dict[str, str]) -> Client:
    """Whom the secret makes it. Raises `_Bad` when two ways are used (RFC 6749, section 2.3)."""
    client_id, secret = form.get("client_id"), form.get("client_secret")
    if "authorization" in request.headers:
        if secret is not None:
            raise _Bad("use one way to authenticate")
        try:
            named, secret = extract_basic_authorization(request.headers)
        except UnicodeDecodeError as wrong:
            raise _Bad("the Authorization header is not UTF-8") from wrong
        if client_id is not None and client_id != named:
            raise _Bad("client_id is not who authenticates")
        client_id = named
    key = None
    if client_id and secret and len(secret) <= CREDENTIAL_LIMIT:
        key = await here.standing.key(secret)
    return Client(client_id or "", key)


async def _token(here: Context, sent: str | None) -> ShownToken | None:
    """The token somebody sent, if it is one of ours and not past its time."""
    claims = _claims(here, sent) if sent else None
    if claims is None:
        return None
    try:
        if claims.type == "refresh" and claims.kind == "tenant":
            if not await here.standing.is_active(claims.tenant_id):
                return ShownToken(claims, good=False)
            await require_lasting(here, claims)
        else:
            await principal_of(here, claims)
    except Refused as no:
        if no.refusal.reason is not Reason.BAD_CREDENTIALS:
            raise
        return ShownToken(claims, good=False)
    return ShownToken(claims, good=True)


def _claims(here: Context, sent: str) -> Claims | None:
    for type, audience in KINDS:
        try:
            return here.tokens.verify(sent, type=type, audience=audience)
        except Refused:
            continue
    return None


def _asked(server: Server, name: str, asked: Asked) -> JSONResponse:
    response: JSONResponse = server.create_endpoint_response(name, asked)
    return response


def _error(status: int, error: str, description: str) -> JSONResponse:
    """RFC 6749, section 5.2."""
    headers = {**NOT_STORED, **({"WWW-Authenticate": BASIC} if status == 401 else {})}
    return JSONResponse({"error": error, "error_description": description}, status, headers)


def _unavailable(retry_after_s: int | None) -> JSONResponse:
    answer = _error(503, "temporarily_unavailable", "try again")
    answer.headers["Retry-After"] = str(retry_after_s or 1)
    return answer
