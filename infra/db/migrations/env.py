"""What Alembic runs. Only ever started by `infra/db/migrate.py`, which hands in the connection."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON
from sqlmodel import AutoString, SQLModel

from infra.db.tables import UtcDateTime


def _render(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Migrations name the plain types they made (see `script.py.mako`), whatever wraps them now."""
    if kind == "type":
        if isinstance(item, UtcDateTime):
            return "TIME"
        if isinstance(item, JSON):
            return "DATA"
        if isinstance(item, AutoString):
            return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    render_item=_render,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
