from __future__ import annotations

import asyncio
import threading
import time

import pytest
from sqlalchemy import Connection, Engine, select, text, update

from infra.contract.refusals import Reason, Refused
from infra.db.engine import is_outage, is_worth_retrying, make_engine, normalise
from infra.db.reader import Reader
from infra.db.tables import Tenant
from tests.support.servers import PostgresServer, free_port

_tenants = Tenant.__table__  # type: ignore[attr-defined]


def count(connection: Connection) -> int:
    return len(connection.execute(select(_tenants.c.id)).all())


def number(connection: Connection) -> int:
    return int(connection.execute(text("SELECT 41 + 1")).scalar_one())


def test_plain_postgres_urls_are_understood() -> None:
    for url in ("postgres://a@b/c", "postgresql://a@b/c", "postgresql+psycopg://a@b/c"):
        assert normalise(url).drivername == "postgresql+psycopg"


def test_writers_that_read_first_do_not_fail_each_other(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter (n INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))
    others = [engine, *(make_engine(str(engine.url)) for _ in range(3))]

    def add(through: Engine) -> None:
        for _ in range(25):
            with through.begin() as connection:
                seen = connection.execute(text("SELECT n FROM counter" + locked)).scalar_one()
                connection.execute(text("UPDATE counter SET n = :n"), {"n": seen + 1})

    # What Postgres needs a row lock for, SQLite does by beginning to write before it reads.
    locked = " FOR UPDATE" if engine.dialect.name == "postgresql" else ""
    threads = [threading.Thread(target=add, args=(through,)) for through in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with engine.begin() as connection:
        assert connection.execute(text("SELECT n FROM counter")).scalar_one() == 100
        connection.execute(text("DROP TABLE counter"))
    for other in others[1:]:
        other.dispose()


async def test_reading_sees_what_was_committed(database_url: str) -> None:
    reader = Reader(database_url)

    assert await reader.read(number) == 42
    assert await reader.read(count) == 0

    await reader.close()


async def test_reads_run_side_by_side(postgres_url: str) -> None:
    reader = Reader(postgres_url)

    def sleep(connection: Connection) -> None:
        connection.execute(text("SELECT pg_sleep(0.3)"))

    began = time.monotonic()
    await asyncio.gather(*(reader.read(sleep) for _ in range(4)))

    assert time.monotonic() - began < 1.0
    await reader.close()


async def test_a_reader_cannot_write(sqlite_url: str) -> None:
    reader = Reader(sqlite_url)

    def write(connection: Connection) -> None:
        connection.execute(update(_tenants).values(name="changed"))

    with pytest.raises(Exception, match="readonly"):
        await reader.read(write)
    await reader.close()


async def test_sqlite_is_read_while_somebody_writes(sqlite_url: str) -> None:
    reader = Reader(sqlite_url)
    engine = make_engine(sqlite_url)

    with engine.begin():
        began = time.monotonic()
        assert await reader.read(count) == 0

    assert time.monotonic() - began < 0.5
    await reader.close()
    engine.dispose()


async def test_reads_go_on_after_the_database_was_restarted() -> None:
    server = PostgresServer().start()
    reader = Reader(server.url("postgres"))
    try:
        assert await reader.read(number) == 42
        server.kill()
        server.boot()

        assert await reader.read(number) == 42
    finally:
        await reader.close()
        server.close()


async def test_a_database_that_is_away_is_said_to_be_within_the_deadline() -> None:
    reader = Reader(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")

    began = time.monotonic()
    with pytest.raises(Refused) as refused:
        await reader.read(number)

    assert refused.value.refusal.reason is Reason.UNAVAILABLE
    assert time.monotonic() - began < 2.5
    await reader.close()


def test_a_lock_held_by_another_is_worth_another_try(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    with engine.begin() as first:
        first.execute(text("LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE"))

        with pytest.raises(Exception, match="lock timeout") as late, engine.begin() as second:
            second.execute(text("SET LOCAL lock_timeout = '50ms'"))
            count(second)

    assert is_worth_retrying(late.value)  # type: ignore[arg-type]
    assert not is_outage(late.value)
    engine.dispose()


def test_a_busy_sqlite_is_worth_another_try(sqlite_url: str) -> None:
    engine, other = make_engine(sqlite_url), make_engine(sqlite_url, busy_s=0.05)

    with engine.begin(), pytest.raises(Exception, match="locked") as late, other.begin():
        pass

    assert is_worth_retrying(late.value)  # type: ignore[arg-type]
    engine.dispose()
    other.dispose()
