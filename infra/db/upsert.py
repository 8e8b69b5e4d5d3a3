"""Inserts that leave alone what is there already, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table, **values: Any) -> bool:
    """Insert the row unless its key is taken. True: this call made it."""
    into: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    key = table.primary_key.columns[0]
    written = connection.execute(into.values(**values).on_conflict_do_nothing().returning(key))
    return written.first() is not None
