"""Times that clients name: which ones there are, as the documents and the checks both have it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

YEARS: Final = r"^(19[7-9][0-9]|[2-8][0-9]{3})-"
"1970 to 8999, so that every one can be written in any zone and something can last after it."
EARLIEST: Final = datetime(1969, 12, 31, tzinfo=UTC)
LATEST: Final = datetime(9000, 1, 2, tzinfo=UTC)
"A day more than the years, on both sides: they are counted in a time's own zone."
_WRITTEN = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)


def written(value: object) -> object:
    """RFC 3339, where seconds may be left out. Raises ValueError for anything else: a number is no
    time, not even in quotation marks."""
    if isinstance(value, datetime) or (isinstance(value, str) and _WRITTEN.fullmatch(value)):
        return value
    raise ValueError("must be a time such as 2025-11-04T09:00:00Z")


def within(at: datetime) -> datetime:
    """In UTC. Raises ValueError for one in no such year."""
    if not EARLIEST <= at <= LATEST:
        raise ValueError("must be a time between 1970 and 8999")
    return at.astimezone(UTC)
