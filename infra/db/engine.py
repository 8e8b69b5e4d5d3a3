"""Engines: how each database is spoken to, so that nothing waits for ever."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

POOL_WAIT_S = 1.0
"Seconds a thread waits for one of the pool's connections before it gives up."

BUSY_S = 5.0
"Seconds a transaction on SQLite waits for another process's to end."

POSTGRES_ARGUMENTS: dict[str, Any] = {
    "connect_timeout": 2,
    "options": "-c statement_timeout=5000 -c lock_timeout=2000 -c timezone=UTC",
    # A host that vanished without a word is noticed within about ten seconds.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 8000,
}

_RETRIED_STATES = frozenset({"40001", "40P01", "55P03"})
"Serialization failure, deadlock, lock timeout (PostgreSQL, appendix A)."


def normalise(url: str) -> URL:
    """The SQLAlchemy URL meant: `postgres://` and `postgresql://` are spoken with psycopg."""
    meant = make_url(url)
    if meant.drivername in ("postgres", "postgresql"):
        return meant.set(drivername="postgresql+psycopg")
    return meant


def make_engine(url: str, *, connections: int = 10, busy_s: float = BUSY_S) -> Engine:
    """The engine writers use.

    Postgres: up to `connections` of them; a statement may take 5 s, a lock 2 s. SQLite: one
    connection a process, on which every transaction is `BEGIN IMMEDIATE`, because one that
    upgrades from reading to writing fails at once whatever the busy timeout says.
    """
    meant = normalise(url)
    if meant.get_backend_name() == "sqlite":
        # Threads queue for the one connection in order, where SQLite's own lock is a lottery.
        engine = create_engine(meant, pool_size=1, max_overflow=0, pool_timeout=busy_s)
        event.listen(engine, "connect", _prepare(busy_s, "synchronous=FULL", "foreign_keys=ON"))
        event.listen(engine, "begin", _begin_immediate)
        return engine
    return create_engine(
        meant,
        connect_args=POSTGRES_ARGUMENTS,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        pool_recycle=1800,
        pool_use_lifo=True,
    )


def make_sqlite_reader(url: str) -> Engine:
    """An engine that can only read SQLite, and does not wait for whoever is writing."""
    engine = create_engine(
        normalise(url), pool_size=1, max_overflow=4, pool_timeout=POOL_WAIT_S
    ).execution_options(isolation_level="AUTOCOMMIT")
    event.listen(engine, "connect", _prepare(BUSY_S, "query_only=ON"))
    return engine


def is_worth_retrying(error: DBAPIError) -> bool:
    """Whether the same whole transaction may well succeed a moment later."""
    if error.connection_invalidated:
        return True
    original = error.orig
    if isinstance(original, sqlite3.OperationalError):
        return getattr(original, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_LOCKED,
        )
    return getattr(original, "sqlstate", None) in _RETRIED_STATES


def is_outage(error: Exception) -> bool:
    """Whether the database could not be reached, rather than did not like what it was told."""
    if isinstance(error, PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or getattr(error.orig, "sqlstate", "-") is None
    )


def _prepare(
    busy_s: float, *pragmas: str
) -> Callable[[sqlite3.Connection, ConnectionPoolEntry], None]:
    def prepare(raw: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        # The driver must not begin transactions by itself: `_begin_immediate` does.
        raw.isolation_level = None
        raw.execute(f"PRAGMA busy_timeout={int(busy_s * 1000)}")
        _use_wal(raw)
        for pragma in pragmas:
            raw.execute(f"PRAGMA {pragma}")

    return prepare


def _use_wal(raw: sqlite3.Connection) -> None:
    """Switch the file to WAL. Two processes doing that at once do not wait for each other."""
    for attempt in range(100):
        try:
            raw.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if attempt == 99:
                raise
            time.sleep(0.02)


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
