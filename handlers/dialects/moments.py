"""Times that clients name: which ones there are, as the documents and the checks both have it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

YEARS: Final = r"^(19[7-9][0-9]|[2-8][0-9]{3})-"
"1970 to 8999, so that every one can be written in any zone and something can last after it."
EARLIEST: Final = datetime(1969, 12, 31, tzinfo=UTC)
LATEST: Final = datetime(9000, 1, 2, tzinfo=UTC)
"A day more than the years, on both sides: they are counted in a time's own zone."


def within(at: datetime) -> datetime:
    """In UTC. Raises ValueError for one in no such year."""
    if not EARLIEST <= at <= LATEST:
        raise ValueError("must be a time between 1970 and 8999")
    return at.astimezone(UTC)
