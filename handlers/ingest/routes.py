"""WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): an offer by POST, the session by its URL."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from handlers.auth import Principal, authenticate
from handlers.context import context
from handlers.dialects.chalk.refusals import CHALK_SAYS
from handlers.dialects.http import count
from handlers.ingest import sdpfrag
from handlers.limits import Rate
from handlers.operations import ingest
from handlers.operations.ice import IceServer, ice_servers
from handlers.operations.ingest import Negotiated, Session
from handlers.origins import READABLE, preflight
from infra.contract.ids import ConnectionId
from infra.contract.live import SDP_LIMIT
from infra.contract.refusals import Reason, Refusal, Refused, refuse

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
NAME_LIMIT = 200
FEEDS_LIMIT = 256

STATUS = {Reason.UNSUPPORTED_TYPE: 415, Reason.TOO_LARGE: 413}
"Where these protocols ask for another status than Chalk."

Endpoint = Callable[[Request], Awaitable[Response]]


def spoken(endpoint: Endpoint) -> Endpoint:
    """Refusals in Chalk's form, and answers any page may read."""

    async def serve(request: Request) -> Response:
        try:
            response = await endpoint(request)
        except Refused as refused:
            response = CHALK_SAYS.answer(request, refused.refusal)
            response.status_code = STATUS.get(refused.refusal.reason, response.status_code)
        response.headers.update(READABLE)
        return response

    return serve


async def start_publishing(request: Request, *, base: str) -> Response:
    who = await _known(request)
    offer = await _body(request, SDP)
    negotiated = await ingest.publish(
        context(request), who, request.path_params["room"], name=_name(request), offer=offer
    )
    return _created(request, f"{base}/whip", negotiated)


async def start_watching(request: Request, *, base: str) -> Response:
    who = await _known(request)
    offer = await _body(request, SDP)
    negotiated = await ingest.subscribe(
        context(request),
        who,
        request.path_params["room"],
        name=_name(request),
        feeds=_feeds(request),
        offer=offer,
    )
    return _created(request, f"{base}/whep", negotiated)


async def end_session(request: Request) -> Response:
    await ingest.end(context(request), await _session(request))
    return Response(status_code=200)


async def change_session(request: Request) -> Response:
    """Trickled candidates. ICE restarts are not offered (RFC 9725, section 4.3)."""
    session = await _session(request)
    if_match = request.headers.get("if-match")
    if if_match is None:
        return _said(request, 428, "If-Match names the ICE session")
    if if_match == "*":
        # "… MUST return a '422 Unprocessable Content' response for the HTTP PATCH requests that
        # are not supported."
        return _said(request, 422, "ICE restarts are not supported: start a new session")
    if _etag(session.connection_id) not in [tag.strip() for tag in if_match.split(",")]:
        raise refuse(Reason.PRECONDITION_FAILED)
    for candidate in sdpfrag.parse(await _body(request, FRAGMENT)):
        await ingest.add_candidate(context(request), session, candidate.candidate, candidate.mid)
    return Response(status_code=204, headers={"ETag": _etag(session.connection_id)})


async def options(request: Request) -> Response:
    """CORS, and what may be posted (RFC 9725, section 4.2)."""
    response = preflight(("POST", "PATCH", "DELETE", "OPTIONS"))
    response.headers.update({"Accept-Post": SDP, "Accept-Patch": FRAGMENT})
    return response


async def _known(request: Request) -> Principal:
    who = await authenticate(request)
    here = context(request)
    await count(request, Rate(f"tenant:{who.owner}", here.limit.per_minute))
    return who


async def _session(request: Request) -> Session:
    who = await authenticate(request)
    try:
        connection = ConnectionId(UUID(request.path_params["session"]))
    except ValueError:
        raise refuse(Reason.SESSION_UNKNOWN) from None
    if who.tenant_id is None:
        raise refuse(Reason.SESSION_UNKNOWN)
    return await ingest.find(context(request), who, request.path_params["room"], connection)


async def _body(request: Request, kind: str) -> str:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
        raise refuse(Reason.UNSUPPORTED_TYPE, f"Content-Type must be {kind}")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > SDP_LIMIT:
            raise refuse(Reason.TOO_LARGE)
    if not received:
        raise refuse(Reason.BAD_DESCRIPTION, "the body is empty")
    try:
        return received.decode()
    except UnicodeDecodeError:
        raise refuse(Reason.BAD_DESCRIPTION, "the body is not UTF-8") from None


def _name(request: Request) -> str | None:
    name = request.query_params.get("id")
    return None if name is None else _checked(name, "id")


def _feeds(request: Request) -> list[str] | None:
    listed = request.query_params.get("feeds")
    if listed is None:
        return None
    feeds = [_checked(feed, "feeds") for feed in listed.split(",") if feed]
    if len(feeds) > FEEDS_LIMIT:
        raise refuse(Reason.MALFORMED, f"`feeds` names at most {FEEDS_LIMIT}")
    return feeds


def _checked(name: str, field: str) -> str:
    if not name.strip() or len(name) > NAME_LIMIT or not name.isprintable():
        raise refuse(Reason.MALFORMED, f"`{field}`: a name has 1 to {NAME_LIMIT} characters")
    return name


def _created(request: Request, collection: str, negotiated: Negotiated) -> Response:
    session = negotiated.session
    here = context(request)
    root = request.scope.get("root_path", "")
    response = Response(
        negotiated.answer,
        201,
        media_type=SDP,
        headers={
            "Location": f"{root}{collection}/{session.room_id}/sessions/{session.connection_id}",
            "ETag": _etag(session.connection_id),
            "Accept-Patch": FRAGMENT,
            "Cache-Control": "no-store",
        },
    )
    for server in ice_servers(
        here.settings,
        tenant=session.tenant_id,
        participant=session.participant_id,
        now=here.now(),
    ):
        response.headers.append("Link", _link(server))
    return response


def _link(server: IceServer) -> str:
    """RFC 9725, section 4.6."""
    return (
        f'<{server["urls"][0]}>; rel="ice-server"; username="{server["username"]}"; '
        f'credential="{server["credential"]}"; credential-type="password"'
    )


def _etag(connection: ConnectionId) -> str:
    """Of the session's one ICE session: there are no restarts, so it never changes."""
    return f'"{hashlib.sha256(connection.bytes).hexdigest()[:16]}"'


def _said(request: Request, status: int, detail: str) -> Response:
    response = CHALK_SAYS.answer(request, Refusal(reason=Reason.MALFORMED, detail=detail))
    response.status_code = status
    return response


def _by_method(**endpoints: Endpoint) -> Endpoint:
    async def serve(request: Request) -> Response:
        return await spoken(endpoints[request.method])(request)

    return serve


def _routes(base: str) -> list[BaseRoute]:
    made: list[BaseRoute] = []
    for name, start in (("whip", start_publishing), ("whep", start_watching)):
        collection = f"{base}/{name}/{{room}}"
        made += [
            Route(
                collection,
                _by_method(POST=partial(start, base=base), OPTIONS=options),
                methods=["POST", "OPTIONS"],
            ),
            Route(
                f"{collection}/sessions/{{session}}",
                _by_method(PATCH=change_session, DELETE=end_session, OPTIONS=options),
                methods=["PATCH", "DELETE", "OPTIONS"],
            ),
        ]
    return made


routes: list[BaseRoute] = [*_routes(""), *_routes("/api/v1")]
"Anything but the methods named is answered 405, with what is allowed."
