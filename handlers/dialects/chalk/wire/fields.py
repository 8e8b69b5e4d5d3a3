"""Fields that more than one message has."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from handlers.dialects.operation import Query

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Metadata = Annotated[dict[str, Any], Field(max_length=64)]
Quota = Annotated[int, Field(ge=1, le=1_000_000)]
Seats = Annotated[int, Field(ge=2, le=10_000)]
Minutes = Annotated[int, Field(ge=1, le=10_080)]

_ORIGIN = re.compile(
    r"https?://([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])"
    r"(:\d{1,5})?|http://localhost:\*",
    re.IGNORECASE | re.ASCII,
)


def _origin(text: str) -> str:
    """RFC 6454, section 6.2: no path; and no wildcard but for localhost's port."""
    if len(text) > 255 or not _ORIGIN.fullmatch(text):
        raise ValueError("must be an origin such as https://app.example.org")
    return text.lower()


Origin = Annotated[str, AfterValidator(_origin)]


_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def _moment(at: datetime) -> datetime:
    """In UTC; one that can be written in any zone, and that something can last after."""
    if not _EARLIEST <= at <= _LATEST:
        raise ValueError("must be between the years 1970 and 9000")
    return at.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_moment)]


def unset() -> Any:
    """The default of a field that changes nothing unless it is sent. It may not be null."""
    return Field(default_factory=lambda: None)


def changes(body: BaseModel) -> dict[str, Any]:
    """What was sent, and nothing else."""
    return body.model_dump(mode="json", exclude_unset=True)


class Page(Query):
    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)
