"""The database's clock: the one that workers whose own clocks disagree all see."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, DateTime, func

from infra.db.tables import UtcDateTime


def from_now(connection: Connection, seconds: float = 0.0) -> ColumnElement[datetime]:
    """The database's clock, `seconds` from now. Moves on within a transaction."""
    if connection.dialect.name == "sqlite":
        # Written as the driver writes times, so that comparing texts compares times.
        form = "%Y-%m-%d %H:%M:%f000"
        return func.strftime(form, "now", f"{seconds:+.3f} seconds", type_=UtcDateTime())
    return func.clock_timestamp(type_=DateTime(timezone=True)) + timedelta(seconds=seconds)
