from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

import infra.db.tables  # noqa: F401 - fills the metadata
from infra.db.engine import make_engine
from infra.db.migrate import configuration, is_current, upgrade
from tests.support.servers import PostgresServer


def test_migrating_makes_exactly_the_tables_that_are_declared(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, SQLModel.metadata) == []
        assert is_current(connection)


def _race(url: str) -> list[Exception]:
    broken: list[Exception] = []

    def run() -> None:
        try:
            upgrade(url)
        except Exception as error:  # noqa: BLE001 - told to the caller
            broken.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return broken


def test_processes_that_start_at_once_on_sqlite_migrate_it_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'parley.db'}"

    assert _race(url) == []

    with make_engine(url).connect() as connection:
        assert is_current(connection)


def test_processes_that_start_at_once_on_postgres_migrate_it_once(
    postgres_server: PostgresServer,
) -> None:
    postgres_server.run("CREATE DATABASE raced")
    url = postgres_server.url("raced")

    assert _race(url) == []

    with make_engine(url).connect() as connection:
        assert is_current(connection)


def test_keys_of_before_get_a_name(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine = make_engine(url)
    config = configuration()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(
            text(
                "INSERT INTO tenants VALUES "
                "('t', 'School', '{}', 1, NULL, 1, true, '2030-01-01', '2030-01-01')"
            )
        )
        for name in ("k1", "k2"):
            values = {"name": name}
            connection.execute(
                text("INSERT INTO api_keys VALUES (:name, 't', '2030-01-01', NULL)"), values
            )

    upgrade(url)

    with engine.connect() as connection:
        named = connection.execute(text("SELECT sha256, id FROM api_keys")).all()
    assert len({row.id for row in named if row.id}) == 2
