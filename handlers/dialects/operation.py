"""One operation of an API: its route, what it reads, what it answers, and who may ask for it.

A handler's signature says most of it. Parameters named in the path are read from there, `body` and
`query` are models, `call` (or `visit`, where nobody need say who they are) is the request itself;
what it returns is the answer's model. The same table serves requests and writes the document.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, ClassVar, Generic, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator
from starlette.responses import Response

from handlers.auth import May
from infra.contract.refusals import Reason

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Any]])
DEEPEST = 32
"Levels of nesting in a body."


class Body(BaseModel):
    """What a client may send: these fields, of these types, and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    also_read: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {}
    """By media type, what makes of a body that is not JSON what JSON would have said. They raise
    ValueError with what is wrong with it."""

    @model_validator(mode="after")
    def _storable(self) -> Body:
        _check(dict(self.__dict__), DEEPEST)
        return self


class Query(BaseModel):
    """What a client may ask with. Unknown names mean nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Shown(BaseModel):
    """What a client is shown."""

    model_config = ConfigDict(frozen=True)


S = TypeVar("S", bound=Shown, covariant=True)


@dataclass(frozen=True, slots=True)
class Answer(Generic[S]):
    """An answer with more to it than what is shown."""

    shown: S
    status: int | None = None
    "None: the operation's usual one."
    etag: str | None = None
    """What a later update may name in `If-Match`: changes when what an update may change does, and
    not with what merely happens, such as people coming and going."""


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    handler: Callable[..., Awaitable[Shown | Answer[Shown] | Response | None]]
    may: May | None
    "None: nobody need say who they are."
    status: int
    also: tuple[int, ...]
    "Statuses other than `status` that are no refusals."
    refuses: tuple[Reason, ...]
    tag: str
    extension: bool
    "The published reference of the dialect does not have it."
    media: tuple[str, ...]
    "Media types it answers with, besides JSON."
    rate: str
    "Its class in the dialect's rate limits."
    remembered_s: float
    """Seconds what it answers somebody about a room is given again, while no worker touches the
    room meanwhile (`operations/seen.py`). 0: never."""
    conditional: bool
    "Honours `If-Match`."
    tagged: bool
    "Carries the `ETag` of the one thing it shows: what it returns is always an `Answer`."
    scope: str | None
    "What a key or token with scopes needs for it; None: such are not for this."
    body: type[Body] | None
    query: type[Query] | None
    shown: type[Shown] | None
    ids: dict[str, bool]
    "Names in the path; True: must be an id."
    summary: str
    description: str


@dataclass
class Table:
    """The operations of one API, in the order they are matched."""

    operations: list[Operation] = field(default_factory=list)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def add(
        self,
        method: str,
        path: str,
        *,
        tag: str,
        may: May | None,
        status: int = 200,
        also: tuple[int, ...] = (),
        refuses: tuple[Reason, ...] = (),
        extension: bool = False,
        media: tuple[str, ...] = (),
        rate: str = "general",
        remembered_s: float = 0.0,
        conditional: bool = False,
        scope: str | None = None,
    ) -> Callable[[Handler], Handler]:
        def take(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            summary, _, description = (inspect.getdoc(handler) or "").partition("\n")
            answers = [kind for kind in _alternatives(hints["return"]) if issubclass(kind, Shown)]
            self.operations.append(
                Operation(
                    method=method,
                    path=path,
                    handler=handler,
                    may=may,
                    status=status,
                    also=also,
                    refuses=refuses,
                    tag=tag,
                    extension=extension,
                    media=media,
                    rate=rate,
                    remembered_s=remembered_s,
                    conditional=conditional,
                    tagged=get_origin(hints["return"]) is Answer,
                    scope=scope,
                    body=hints.get("body"),
                    query=hints.get("query"),
                    shown=answers[0] if answers else None,
                    ids={
                        name: getattr(hints[name], "__supertype__", hints[name]) is UUID
                        for name in re.findall(r"{(\w+)}", path)
                    },
                    summary=summary.rstrip("."),
                    description=description.strip(),
                )
            )
            return handler

        return take


def _alternatives(hint: Any) -> list[type]:
    """What may be answered: of a union each, of an `Answer` what it shows."""
    if get_origin(hint) in (Union, UnionType):
        return [kind for each in get_args(hint) for kind in _alternatives(each)]
    if get_origin(hint) is Answer:
        return _alternatives(*get_args(hint))
    return [hint] if isinstance(hint, type) else []


def _check(value: object, levels: int) -> None:
    """Refuse what JSON can carry and a database cannot keep."""
    if levels == 0:
        raise ValueError("nested too deeply")
    match value:
        case str():
            if "\0" in value:
                raise ValueError("text must not hold a NUL character")
        case float():
            if value - value != 0:
                raise ValueError("numbers must be finite")
        case dict():
            for name, inner in value.items():
                _check(name, levels)
                _check(inner, levels - 1)
        case list() | tuple():
            for inner in value:
                _check(inner, levels - 1)
