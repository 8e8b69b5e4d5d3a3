"""How many rooms a tenant may have live at once, counted no more often than it matters."""

from __future__ import annotations

from datetime import datetime, timedelta

from infra.contract.ids import TenantId
from infra.contract.refusals import Reason, refuse
from infra.contract.views import TenantView
from infra.db import rooms, tenants
from infra.db.work import Work

MARGIN = 5_000
"""Rooms. A tenant with more than this to spare is not counted for a moment: our workers do not make
so many within :data:`FRESH_FOR`. Lower: fewer tenants are counted each time, and less surely."""

FRESH_FOR = timedelta(seconds=1)

_MOST_REMEMBERED = 10_000


class Headroom:
    """Tenants seen a moment ago to be far from their quota. One process's; safe to lose."""

    def __init__(self) -> None:
        self._seen: dict[TenantId, tuple[datetime, int]] = {}

    def quota(self, tenant_id: TenantId, now: datetime) -> int | None:
        """The tenant's quota, if one more room cannot exceed it; None: count."""
        at, quota = self._seen.get(tenant_id, (None, 0))
        if at is None or not at <= now < at + FRESH_FOR:
            return None
        return quota

    def note(self, tenant: TenantView, live: int, now: datetime) -> None:
        if tenant.max_concurrent_rooms - live > MARGIN:
            if len(self._seen) >= _MOST_REMEMBERED:
                self._seen.clear()
            self._seen[tenant.id] = (now, tenant.max_concurrent_rooms)
        else:
            self._seen.pop(tenant.id, None)


HEADROOM = Headroom()


def lock(work: Work, tenant_id: TenantId) -> TenantView:
    """The tenant, locked, so that nobody else counts its rooms until the commit.

    Refuses one that is unknown or closed.
    """
    tenant = tenants.lock(work.connection, tenant_id)
    if tenant is None:
        raise refuse(Reason.TENANT_UNKNOWN)
    if not tenant.is_active:
        raise refuse(Reason.TENANT_INACTIVE)
    return tenant


def require_one_more(work: Work, tenant: TenantView) -> None:
    """Refuses when the locked tenant has as many live rooms as it may have."""
    # A statement of its own: only one begun after the lock was got sees what others committed.
    live = rooms.count_live(work.connection, tenant.id)
    HEADROOM.note(tenant, live, work.now)
    if live >= tenant.max_concurrent_rooms:
        raise refuse(
            Reason.ROOM_QUOTA_REACHED, f"max_concurrent_rooms is {tenant.max_concurrent_rooms}"
        )
