"""Who did what that somebody may ask about later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from infra.contract.commands import Actor
from infra.contract.ids import TenantId, new_id
from infra.db.tables import AuditEntry

ENTRIES = AuditEntry.metadata.tables["audit_log"]


@dataclass(frozen=True, slots=True)
class Entry:
    action: str
    subject: str
    actor: dict[str, Any]
    at: datetime


def write(
    connection: Connection,
    tenant_id: TenantId,
    action: str,
    subject: str,
    actor: Actor,
    at: datetime,
) -> None:
    """`action` in the form recording.downloaded; `subject` is the id it was done to."""
    connection.execute(
        insert(ENTRIES).values(
            id=new_id(),
            tenant_id=tenant_id,
            action=action,
            subject=subject,
            actor=actor.model_dump(mode="json"),
            at=at,
        )
    )


def page(connection: Connection, tenant_id: TenantId, limit: int, offset: int) -> list[Entry]:
    """Newest first."""
    rows = connection.execute(
        select(ENTRIES)
        .where(ENTRIES.c.tenant_id == tenant_id)
        .order_by(ENTRIES.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [Entry(row.action, row.subject, row.actor, row.at) for row in rows]


def purge(connection: Connection, *, before: datetime, limit: int) -> int:
    """Forget up to `limit` of what was done before then. Returns how many."""
    old = select(ENTRIES.c.id).where(ENTRIES.c.at < before).limit(limit)
    return connection.execute(delete(ENTRIES).where(ENTRIES.c.id.in_(old))).rowcount
