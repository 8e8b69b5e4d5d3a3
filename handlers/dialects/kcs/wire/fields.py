"""The envelope, and fields that more than one message has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from handlers.dialects import names
from handlers.dialects.lines import SEEN
from handlers.dialects.moments import YEARS, within
from handlers.dialects.operation import Body, Query, Shown
from infra.contract.ids import RoomId

Data = TypeVar("Data")


def _unsaid(value: object) -> bool:
    return value is None


class Success(Shown, Generic[Data]):
    """What every answer looks like."""

    success: Literal[True] = True
    data: Data
    message: str | None = Field(default=None, exclude_if=_unsaid)
    count: int | None = Field(default=None, exclude_if=_unsaid)
    "Of a list: how many are in `data`."
    next_cursor: str | None = Field(default=None, exclude_if=_unsaid)
    "Of a list that goes on: what to ask for the rest with."


class Sent(Body):
    """What a client may send. Frontends send more than is published: the rest means nothing, and
    goes nowhere."""

    model_config = ConfigDict(extra="ignore")


_DATE_TIME = {"type": "string", "format": "date-time"}


def _moment(value: object) -> object:
    """ISO 8601; without an offset it is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("must be an ISO 8601 time such as 2025-11-04T09:00:00Z") from None
        return within(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, datetime):
        return value
    raise ValueError("must be an ISO 8601 time such as 2025-11-04T09:00:00Z")


Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({**_DATE_TIME, "pattern": YEARS})
]
"Aware UTC, however it was sent."

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=SEEN)]
UserId = Annotated[str, Field(min_length=1, max_length=200, pattern=SEEN)]
Metadata = Annotated[dict[str, Any], Field(max_length=64)]
Seats = Annotated[int, Field(ge=2, le=10_000)]
RoleName = Literal["host", "co_host", "presenter", "attendee"]


def _shown_as(word: str) -> PlainSerializer:
    return PlainSerializer(lambda id: names.shown(word, id), return_type=str)


MeetingId = Annotated[UUID, _shown_as("meeting")]
MeetingRoomId = Annotated[UUID, _shown_as("room")]
ParticipantId = Annotated[UUID, _shown_as("participant")]
MessageId = Annotated[UUID, _shown_as("msg")]
RecordingId = Annotated[UUID, _shown_as("recording")]
TranscriptId = Annotated[UUID, _shown_as("transcript")]


def unset() -> Any:
    """The default of a field that changes nothing unless it is sent. It may not be null."""
    return Field(default_factory=lambda: None)


def changes(body: BaseModel) -> dict[str, Any]:
    """What was sent, and nothing else."""
    return {name: getattr(body, name) for name in body.model_fields_set}


def cursor(word: str) -> Any:
    """An id as it is shown with this word, below 0xe1… so that it is one whatever its digits."""
    return Field(default=None, pattern=rf"^{word}_[0-6][0-9A-Za-z]{{21}}$")


class Page(Query):
    limit: int = Field(default=1000, ge=1, le=1000)
    cursor: str | None = cursor("meeting")
    "A list's `next_cursor`, for what follows."

    @property
    def before(self) -> RoomId | None:
        found = names.read(self.cursor) if self.cursor else None
        return RoomId(found) if found else None


def minutes(seconds: float) -> int:
    """Whole ones, to the nearest."""
    return int(seconds / 60 + 0.5)
