"""How a dialect says no: its status and words for every reason, in its own form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from handlers.dialects.operation import Shown
from infra.contract.refusals import Reason, Refusal, Refused

log = structlog.get_logger(__name__)

RETRY_AFTER_S: Final = 1
"Said with a 503 whose refusal names no time."
CHALLENGE: Final = 'Bearer realm="parley"'


@dataclass(frozen=True, slots=True)
class No:
    """What there is to put into a dialect's form."""

    said: str
    "For people."
    code: str
    "For programs: one word for each reason."
    request_id: str
    detail: str | None = None
    command_id: str | None = None
    "Of a command that may still be carried out; the same `Idempotency-Key` gives its outcome."


@dataclass(frozen=True)
class Refuser:
    words: Mapping[Reason, tuple[int, str]]
    "Status and words of every reason."
    form: Callable[[No], Shown]
    own_words: frozenset[Reason] = frozenset()
    "Reasons whose `detail` says all there is to say; with the others it stands beside the words."
    codes: Mapping[Reason, str] = field(default_factory=dict)
    "Codes that are not the reason's name."

    def said(self, refusal: Refusal) -> str:
        """What is said to people."""
        if refusal.detail and refusal.reason in self.own_words:
            return refusal.detail
        return self.words[refusal.reason][1]

    def code(self, reason: Reason) -> str:
        return self.codes.get(reason, reason.name)

    def answer(self, conn: HTTPConnection, refusal: Refusal) -> Response:
        """The response that says this no."""
        status, _ = self.words[refusal.reason]
        said = self.said(refusal)
        log.info("refused", code=refusal.reason.value, status=status, detail=refusal.detail)
        headers = {"Cache-Control": "no-store"}
        if status == 401:
            headers["WWW-Authenticate"] = CHALLENGE
        if refusal.retry_after_s is not None or status == 503:
            headers["Retry-After"] = str(refusal.retry_after_s or RETRY_AFTER_S)
        pending = refusal.reason is Reason.COMMAND_PENDING
        no = No(
            said=said,
            code=self.code(refusal.reason),
            request_id=conn.state.request_id,
            detail=refusal.detail if refusal.detail != said else None,
            command_id=refusal.subject if pending else None,
        )
        return self._response(no, status, headers)

    def broke(self, conn: HTTPConnection) -> Response:
        """A bug or an outage. Its words stay in the log, found by the request's id."""
        no = No(said="internal error", code="INTERNAL", request_id=conn.state.request_id)
        return self._response(no, 500, {"Cache-Control": "no-store"})

    @property
    def handlers(self) -> Mapping[type[Exception], ExceptionHandler]:
        """For the Starlette app that speaks the dialect."""
        return {Refused: self._refused, HTTPException: self._routing, Exception: self._broke}

    async def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return self.answer(request, error.refusal)

    async def _routing(self, request: Request, error: Exception) -> Response:
        """What the router itself refuses."""
        assert isinstance(error, HTTPException)
        reason = {404: Reason.NO_SUCH_ROUTE, 405: Reason.METHOD_NOT_ALLOWED}.get(
            error.status_code, Reason.MALFORMED
        )
        response = self.answer(request, Refusal(reason=reason))
        response.headers.update(error.headers or {})
        return response

    async def _broke(self, request: Request, error: Exception) -> Response:
        return self.broke(request)

    def _response(self, no: No, status: int, headers: dict[str, str]) -> Response:
        body = self.form(no).model_dump_json(exclude_none=True)
        return Response(body, status, headers, media_type="application/json")
