"""From a request to an operation and back, the same for every dialect."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request
from starlette.responses import Response

from handlers.auth import Principal, admit, authenticate
from handlers.call import Call, Retry, Visit
from handlers.context import context
from handlers.dialects import names
from handlers.dialects.dialect import Dialect
from handlers.dialects.lines import IN_WORDS, LINE
from handlers.dialects.operation import Answer, Operation, Shown
from handlers.limits import Rate
from handlers.origins import preflight
from infra.contract.ids import CommandId, new_id
from infra.contract.refusals import Reason, Refused, refuse

Model = TypeVar("Model", bound=BaseModel)
Endpoint = Callable[[Request], Awaitable[Response]]

REQUEST_S = 10.0
"Seconds a request may take in all."
ETAG = re.compile(r'"([\x21\x23-\x7e]{1,64})"')
KEY = re.compile(r"[\x21-\x7e]{1,255}")
"An `Idempotency-Key`."
NAME = re.compile(LINE)
LONGEST_NAME = 200
"Characters of a name in a path."
ERRORS_SHOWN = 5
"Mistakes in a body that are named before the rest is left out."


def endpoint(dialect: Dialect, operation: Operation) -> Endpoint:
    """What answers an operation. What it raises is the dialect's to put in words."""
    serve = _public if operation.may is None else _known

    async def answer(request: Request) -> Response:
        try:
            async with asyncio.timeout(REQUEST_S):
                return _answer(operation, await serve(dialect, operation, request))
        except TimeoutError as late:
            raise refuse(Reason.UNAVAILABLE, retry_after_s=2) from late

    return answer


async def _public(dialect: Dialect, operation: Operation, request: Request) -> Any:
    here = context(request)
    address: str | None = request.state.address
    await count(request, _by_address(request))
    read, raw = await _read(dialect, operation, request)
    visit = Visit(
        here=here,
        request_id=request.state.request_id,
        address=address,
        retry=_retry(dialect, operation, request, raw),
    )
    return await operation.handler(visit, **read)


async def _known(dialect: Dialect, operation: Operation, request: Request) -> Any:
    assert operation.may is not None
    here = context(request)
    try:
        who = await authenticate(request, dialect.name)
    except Refused:
        # Whoever guesses credentials is counted by where they come from.
        await count(request, _by_address(request))
        raise
    await count(request, await dialect.rates(here, who, operation))
    admit(who, operation.may)
    require_scope(who, operation)
    read, raw = await _read(dialect, operation, request)
    retry = _retry(dialect, operation, request, raw)
    call = Call(
        here=here,
        request_id=request.state.request_id,
        address=request.state.address,
        retry=retry,
        who=who,
        command_id=retry.command_of(f"{who.tenant_id}/{who.subject}")
        if retry
        else CommandId(new_id()),
        body_sha256=retry.body_sha256 if retry else None,
        if_match=_if_match(request) if operation.conditional else None,
    )
    if not operation.remembered_s:
        return await operation.handler(call, **read)

    async def say() -> Response:
        return _answer(operation, await operation.handler(call, **read))

    # The response is given again as it was written: nothing on its way out changes it.
    return await here.seen.of(
        read["room_id"], (dialect.name, operation.path, who), say, operation.remembered_s
    )


def require_scope(who: Principal, operation: Operation) -> None:
    """Raises `Refused` SCOPE_MISSING. A key with scopes is good for what names one of them, and for
    nothing else."""
    if who.scopes is not None and operation.scope not in who.scopes:
        raise refuse(Reason.SCOPE_MISSING, operation.scope)


def _by_address(request: Request) -> Rate:
    return Rate(f"address:{request.state.address}", context(request).limit.per_minute)


async def count(request: Request, rate: Rate) -> None:
    """Count a request of theirs; its headers go out with the answer. Raises RATE_LIMITED."""
    allowance = await context(request).limit.hit(rate)
    if allowance is None:
        return
    request.state.headers.update(allowance.headers)
    if not allowance.allowed:
        raise refuse(Reason.RATE_LIMITED, retry_after_s=max(1, allowance.retry_s))


async def _read(
    dialect: Dialect, operation: Operation, request: Request
) -> tuple[dict[str, Any], bytes]:
    """What the handler is called with, and the body as it came."""
    read: dict[str, Any] = {
        name: read_id(name, request.path_params[name], dialect.ids.get(name))
        if is_id
        else read_name(name, request.path_params[name])
        for name, is_id in operation.ids.items()
    }
    raw = b""
    if operation.query is not None:
        with_query = operation.query
        asked = _once(request, with_query)
        read["query"] = _valid(lambda: with_query.model_validate(asked))
    if operation.body is not None:
        with_body = operation.body
        raw = await read_body(request, ("application/json", *with_body.also_read))
        with_other = with_body.also_read.get(media_type(request))
        if with_other is None:
            read["body"] = _valid(lambda: _body(with_body, raw or b"{}"))
        else:
            read["body"] = _valid(lambda: with_body.model_validate_json(_as_json(with_other, raw)))
    return read, raw


def _once(request: Request, model: type[BaseModel]) -> dict[str, str]:
    """The query. Raises `Refused` MALFORMED for a name of the model that is there again: which of
    its values was meant nobody can know."""
    asked: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in asked and name in model.model_fields:
            raise refuse(Reason.MALFORMED, f"{name}: is there more than once")
        asked[name] = value
    return asked


UNKNOWN: Mapping[str, Reason] = {
    "tenant_id": Reason.TENANT_UNKNOWN,
    "room_id": Reason.ROOM_UNKNOWN,
    "participant_id": Reason.PARTICIPANT_UNKNOWN,
    "recording_id": Reason.RECORDING_UNKNOWN,
    "transcript_id": Reason.TRANSCRIPT_UNKNOWN,
    "key_id": Reason.KEY_UNKNOWN,
    "endpoint_id": Reason.ENDPOINT_UNKNOWN,
    "delivery_id": Reason.DELIVERY_UNKNOWN,
    "track_id": Reason.TRACK_UNKNOWN,
}
"What is unknown when the id of this name in a path is."


def read_id(name: str, text: str, word: str | None = None) -> UUID:
    """An id out of a path. Raises `Refused`: MALFORMED, or as an unknown one where ids of this name
    are shown with a word, since then nothing of another form was ever one."""
    found = names.read(text, word)
    if found is not None:
        return found
    if word is not None:
        raise refuse(UNKNOWN[name])
    raise refuse(Reason.MALFORMED, f"{name} is not an id")


def read_name(name: str, text: str) -> str:
    if len(text) > LONGEST_NAME or not NAME.fullmatch(text):
        raise refuse(Reason.MALFORMED, f"{name} is not a name")
    return text


async def read_body(request: Request, types: tuple[str, ...] = ("application/json",)) -> bytes:
    """All of a body of one of these types. Raises `Refused`: TOO_LARGE, MALFORMED."""
    limit = context(request).settings.body_limit_bytes
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared[:20]) > limit:
        raise refuse(Reason.TOO_LARGE)
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limit:
            raise refuse(Reason.TOO_LARGE)
    if received and media_type(request, types[0]) not in types:
        raise refuse(Reason.MALFORMED, f"Content-Type must be {types[0]}")
    return bytes(received)


def media_type(request: Request, unsaid: str = "application/json") -> str:
    """What the body is said to be, without parameters; `unsaid` when nothing is said."""
    return request.headers.get("content-type", unsaid).partition(";")[0].strip().lower()


def _as_json(read: Callable[[bytes], Any], raw: bytes) -> bytes:
    try:
        return json.dumps(read(raw)).encode()
    except ValueError as wrong:
        raise refuse(Reason.MALFORMED, str(wrong)) from wrong


def _body(model: type[Model], raw: bytes) -> Model:
    """Whole numbers may be written as 60.0, which JSON Schema also takes for an integer."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as wrong:
        if all(error["type"] != "int_type" for error in wrong.errors(include_url=False)):
            raise
    plain = json.loads(raw, parse_float=_whole)
    return model.model_validate_json(json.dumps(plain))


def _whole(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _valid(validate: Callable[[], Model]) -> Model:
    try:
        return validate()
    except ValidationError as wrong:
        raise refuse(Reason.MALFORMED, told(wrong)) from wrong


def told(wrong: ValidationError) -> str:
    """What is wrong, field by field, without repeating what was sent."""
    errors = wrong.errors(include_url=False, include_input=False)
    lines = [
        f"{'.'.join(str(step)[:40] for step in error['loc'][:6])}: {_in_words(error)}".removeprefix(
            ": "
        )
        for error in errors[:ERRORS_SHOWN]
    ]
    if len(errors) > ERRORS_SHOWN:
        lines.append(f"and {len(errors) - ERRORS_SHOWN} more")
    return "; ".join(lines)


def _in_words(error: ErrorDetails) -> str:
    return IN_WORDS.get(error.get("ctx", {}).get("pattern", ""), error["msg"])


def _if_match(request: Request) -> str | None:
    """The one entity tag of an `If-Match` (RFC 9110, section 13.1.1); None where any will do."""
    given = request.headers.get("if-match", "").strip()
    if given in ("", "*"):
        return None
    tag = ETAG.fullmatch(given)
    if tag is None:
        raise refuse(Reason.PRECONDITION_FAILED, "If-Match takes one strong entity tag")
    return tag.group(1)


def _retry(dialect: Dialect, operation: Operation, request: Request, raw: bytes) -> Retry | None:
    key = request.headers.get("idempotency-key")
    if key is None or request.method == "GET":
        return None
    if not KEY.fullmatch(key):
        raise refuse(Reason.MALFORMED, "Idempotency-Key must be 1 to 255 visible characters")
    # Under every prefix of the dialect the same request is the same command.
    path = operation.path.format_map(request.path_params)
    route = f"{dialect.name} {request.method} {path}"
    return Retry(route=route, key=key, body_sha256=hashlib.sha256(raw).hexdigest())


def _answer(operation: Operation, made: Any) -> Response:
    match made:
        case Response():
            return made
        case None:
            return Response(status_code=204)
        case Answer():
            response = shown(made.shown, made.status or operation.status)
            if made.etag is not None:
                response.headers["ETag"] = f'"{made.etag}"'
            return response
        case _:
            return shown(made, operation.status)


def shown(model: Shown, status: int) -> Response:
    return Response(
        model.model_dump_json(),
        status,
        # Answers hold tokens and people's words: no cache on the way keeps them.
        headers={"Cache-Control": "no-store"},
        media_type="application/json",
    )


def by_path(dialect: Dialect) -> dict[str, dict[str, Endpoint]]:
    """What answers at each path of the dialect, by method."""
    found: dict[str, dict[str, Endpoint]] = {}
    for operation in dialect.operations:
        found.setdefault(operation.path, {})[operation.method] = endpoint(dialect, operation)
    for endpoints in found.values():
        if "GET" in endpoints:
            # RFC 9110, section 9.3.2; the server leaves out the body.
            endpoints["HEAD"] = endpoints["GET"]
        endpoints["OPTIONS"] = _preflight(sorted([*endpoints, "OPTIONS"]))
    return found


def _preflight(allowed: list[str]) -> Endpoint:
    async def answer(request: Request) -> Response:
        return preflight(allowed)

    return answer
