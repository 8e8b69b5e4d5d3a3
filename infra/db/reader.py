"""Reading the database from an event loop. Handlers have nothing else of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from infra.contract.refusals import Reason, Refused, refuse
from infra.db.engine import (
    POOL_WAIT_S,
    POSTGRES_ARGUMENTS,
    is_outage,
    is_worth_retrying,
    make_sqlite_reader,
    normalise,
)

P = ParamSpec("P")
T = TypeVar("T")

READ_DEADLINE_S = 2.0
"Seconds one read may take in all before the database counts as unreachable."


class Reader:
    """Runs query functions: `await reader.read(rooms.find, tenant_id, room_id)`.

    Each statement of a query sees what was committed when it began: there is no transaction
    around them. On SQLite they run inline, being file reads of well under a millisecond.
    """

    def __init__(self, url: str, *, connections: int = 8) -> None:
        meant = normalise(url)
        self._inline = None
        self._pool: AsyncEngine | None = None
        if meant.get_backend_name() == "sqlite":
            self._inline = make_sqlite_reader(url)
        else:
            self._pool = create_async_engine(
                meant,
                connect_args=POSTGRES_ARGUMENTS,
                pool_size=connections,
                max_overflow=0,
                pool_timeout=POOL_WAIT_S,
                pool_recycle=1800,
                pool_use_lifo=True,
                isolation_level="AUTOCOMMIT",
            )

    async def read(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Raises `Refused` UNAVAILABLE when the database does not answer in time."""
        try:
            async with asyncio.timeout(READ_DEADLINE_S):
                try:
                    return await self._run(query, *args, **kwargs)
                except DBAPIError as broken:
                    # The pool's connections died with the server they led to.
                    if not is_worth_retrying(broken):
                        raise
                    return await self._run(query, *args, **kwargs)
        except (TimeoutError, PoolTimeout) as late:
            raise _unavailable() from late
        except DBAPIError as broken:
            if is_outage(broken):
                raise _unavailable() from broken
            raise

    async def _run(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._inline is not None:
            with self._inline.connect() as connection:
                return query(connection, *args, **kwargs)
        assert self._pool is not None
        async with self._pool.connect() as opened:
            return await opened.run_sync(query, *args, **kwargs)

    async def close(self) -> None:
        if self._inline is not None:
            self._inline.dispose()
        if self._pool is not None:
            await self._pool.dispose()


def _unavailable() -> Refused:
    return refuse(Reason.UNAVAILABLE, "the database does not answer", retry_after_s=2)
