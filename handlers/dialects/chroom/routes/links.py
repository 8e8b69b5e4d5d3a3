"""The links of a meeting, outside the API: they lead a browser to the page."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from handlers.context import context
from handlers.dialects import names
from handlers.dialects.chroom.refusals import CHROOM_SAYS
from handlers.dialects.chroom.wire import fields
from handlers.dialects.http import shown
from handlers.dialects.operation import Shown
from handlers.operations.invites import page_link
from infra.contract.ids import RoomId
from infra.contract.refusals import Reason, Refusal

CODE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
"A compact JWS; nothing in it can end a header or a query."
CODE_LIMIT = 4096


class Link(Shown):
    """What a link leads to, for who asks for JSON."""

    meeting_id: str
    page_url: str
    "Opens the meeting in a browser."


async def follow(request: Request) -> Response:
    """To the page, with the code. Whether that is good for anything the exchange says: an address
    that tells meetings that are there from others would be an oracle."""
    room_id = names.read(request.path_params["room_id"], fields.MEETING)
    if room_id is None:
        return CHROOM_SAYS.answer(request, Refusal(reason=Reason.ROOM_UNKNOWN))
    code = request.query_params.get("code", "")
    if len(code) > CODE_LIMIT or not CODE.fullmatch(code):
        no = Refusal(reason=Reason.BAD_CREDENTIALS, detail="The link is not complete")
        return CHROOM_SAYS.answer(request, no)
    page = page_link(context(request).settings.base_url, RoomId(room_id), code)
    if "application/json" in request.headers.get("accept", ""):
        meeting_id = names.shown(fields.MEETING, room_id)
        return shown(Link(meeting_id=meeting_id, page_url=page), 200)
    return RedirectResponse(page, 302, headers={"Cache-Control": "no-store"})


link_routes: list[BaseRoute] = [
    Route("/start/{room_id}", follow),
    Route("/join/{room_id}", follow),
]
