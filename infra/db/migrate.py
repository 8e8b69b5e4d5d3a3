"""Bringing a database to the tables of this version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from infra.db.engine import make_engine, normalise
from infra.settings import settings

if TYPE_CHECKING:
    from alembic.config import Config

_HERE = Path(__file__).parent / "migrations"
_LOCK = 7_230_951_184_001
"Postgres advisory lock: one process migrates, the others wait and find it done."
_WAIT_S = 120
"How long another process may take over it."


def upgrade(url: str) -> None:
    """Create or migrate every table. Doing it again, or in two processes at once, is harmless.

    All of it is one transaction: it is migrated or it is as it was.
    """
    from alembic import command

    meant = normalise(url)
    if meant.get_backend_name() == "sqlite" and meant.database:
        Path(meant.database).parent.mkdir(parents=True, exist_ok=True)
    engine = make_engine(url, connections=1, busy_s=_WAIT_S)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Changing a large table takes longer than any statement of the running system.
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_S}s'"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            config = configuration()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def is_current(connection: Connection) -> bool:
    """Whether the database has exactly the tables this version was written for."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    # Read here rather than by Alembic, which takes every starting process half a second to load.
    newest = max(path.name.partition("_")[0] for path in (_HERE / "versions").glob("[0-9]*.py"))
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == newest


def configuration() -> Config:
    """What Alembic's own commands need to find the migrations."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    return config


def main() -> None:
    upgrade(settings().sqlalchemy_url)


if __name__ == "__main__":
    main()
