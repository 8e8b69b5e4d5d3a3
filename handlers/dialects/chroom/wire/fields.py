"""Fields that more than one message has, and the words ids are shown with."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from handlers.dialects import names
from handlers.dialects.lines import SEEN
from handlers.dialects.moments import YEARS, within, written
from handlers.dialects.operation import Query
from infra.contract.ids import RoomId
from infra.contract.refusals import Reason, refuse

MEETING, PARTICIPANT, STREAM, KEY = "meeting", "participant", "stream", "key"
_CURSOR = "after"

Title = Annotated[str, Field(min_length=1, max_length=200, pattern=SEEN)]
UserId = Annotated[str, Field(min_length=1, max_length=200, pattern=SEEN)]
"The account's own name for one of its users."
Users = Annotated[tuple[UserId, ...], Field(max_length=5_000)]
Minutes = Annotated[int, Field(ge=1, le=1440)]


Moment = Annotated[
    AwareDatetime,
    # What `written` has let through is text, which strictness takes only straight out of JSON.
    Field(strict=False, json_schema_extra={"pattern": YEARS}),
    BeforeValidator(written),
    AfterValidator(within),
]


def unset() -> Any:
    """The default of a field that changes nothing unless it is sent. It may not be null."""
    return Field(default_factory=lambda: None)


def minutes(span: timedelta) -> int:
    return round(span.total_seconds() / 60)


def meeting_id(text: str) -> RoomId:
    """An id out of a query or a body. Raises `Refused` ROOM_UNKNOWN for what is none."""
    found = names.read(text, MEETING)
    if found is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    return RoomId(found)


class Page(Query):
    limit: int = Field(default=20, ge=1, le=100)
    # Below 0xe1… so that it is an id whatever its digits.
    cursor: str | None = Field(default=None, pattern=rf"^{_CURSOR}_[0-6][0-9A-Za-z]{{21}}$")
    "The `next_cursor` of the page before."

    @property
    def after(self) -> UUID | None:
        """Raises `Refused` MALFORMED for a cursor that no page had."""
        if self.cursor is None:
            return None
        found = names.read(self.cursor, _CURSOR)
        if found is None:
            raise refuse(Reason.MALFORMED, "cursor: not one of ours")
        return found


def cursor(last: UUID | None) -> str | None:
    """To what comes after this; None: nothing does."""
    return names.shown(_CURSOR, last) if last is not None else None
