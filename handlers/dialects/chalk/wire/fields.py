"""Fields that more than one message has."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field

from handlers.dialects.lines import SEEN
from handlers.dialects.moments import YEARS, within, written
from handlers.dialects.operation import Query
from infra.contract.webhooks import EVENTS

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=SEEN)]
Metadata = Annotated[dict[str, Any], Field(max_length=64)]
EventName = Annotated[
    str, Field(min_length=1, max_length=100, json_schema_extra={"enum": [*EVENTS]})
]
Quota = Annotated[int, Field(ge=1, le=1_000_000)]
Seats = Annotated[int, Field(ge=2, le=10_000)]
Minutes = Annotated[int, Field(ge=1, le=10_080)]

_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_ORIGIN = (
    rf"^(https?://({_LABEL}(\.{_LABEL})*|\[[0-9a-f:]+\])(:[0-9]{{1,5}})?|http://localhost:\*)$"
)


def _origin(text: str) -> str:
    """RFC 6454, section 6.2: no path; and no wildcard but for localhost's port."""
    if not re.fullmatch(_ORIGIN, text, re.IGNORECASE) or text.endswith("\n"):
        raise ValueError("must be an origin such as https://app.example.org")
    return text.lower()


Origin = Annotated[
    str,
    Field(max_length=255, json_schema_extra={"pattern": _ORIGIN}),
    AfterValidator(_origin),
]


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


def changes(body: BaseModel) -> dict[str, Any]:
    """What was sent, and nothing else."""
    return body.model_dump(mode="json", exclude_unset=True)


class Page(Query):
    limit: int = Field(default=20, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)
