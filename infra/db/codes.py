"""Codes that may be used once: which were."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from infra.contract.ids import TenantId
from infra.db.tables import RevokedToken
from infra.db.upsert import insert_new

REVOKED = RevokedToken.metadata.tables["revoked_tokens"]


def use(connection: Connection, tenant_id: TenantId, jti: UUID, expires_at: datetime) -> bool:
    """False: it was used before, or revoked. Kept until the code has expired."""
    return insert_new(connection, REVOKED, jti=jti, tenant_id=tenant_id, expires_at=expires_at)
