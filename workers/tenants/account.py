"""Opening, changing and closing tenants, and their API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from infra.contract.commands import CreateTenant, DeleteTenant, RotateApiKey, UpdateTenant
from infra.contract.ids import TenantId
from infra.contract.messages import Done
from infra.contract.refusals import Reason, refuse
from infra.contract.views import TenantView
from infra.db import tenants
from infra.db.work import Work
from workers.fields import merged
from workers.owners import owns
from workers.tools import Tools


@owns(CreateTenant)
def create_tenant(command: CreateTenant, work: Work, tools: Tools) -> TenantView:
    tenant = TenantView(
        id=command.tenant_id,
        name=command.name,
        config=command.config,
        max_concurrent_rooms=command.max_concurrent_rooms,
        max_participants_per_room=command.max_participants_per_room,
        max_recording_duration_minutes=command.max_recording_duration_minutes,
        is_active=True,
        created_at=work.now,
        updated_at=work.now,
    )
    if tenants.insert(work.connection, tenant, api_key_sha256=command.api_key_sha256, now=work.now):
        return tenant
    made = tenants.by_api_key(work.connection, command.api_key_sha256, work.now)
    if made is None or made.id != command.tenant_id:
        raise refuse(Reason.TENANT_UNKNOWN, "this tenant id or key is taken")
    return made


@owns(UpdateTenant)
def update_tenant(command: UpdateTenant, work: Work, tools: Tools) -> TenantView:
    tenant = _open(work, command.tenant_id)
    changes: dict[str, Any] = command.model_dump(
        include={
            "name",
            "max_concurrent_rooms",
            "max_participants_per_room",
            "max_recording_duration_minutes",
        },
        exclude_none=True,
    )
    if command.config is not None:
        changes["config"] = merged(tenant.config, command.config)
    if changes:
        tenant = tenant.model_copy(update={**changes, "updated_at": work.now})
        tenants.save(work.connection, tenant)
    return tenant


@owns(DeleteTenant)
def delete_tenant(command: DeleteTenant, work: Work, tools: Tools) -> Done:
    """From now on its keys open nothing and nobody gets in; the next sweep ends its rooms."""
    tenant = tenants.lock(work.connection, command.tenant_id, closing=True)
    if tenant is None:
        raise refuse(Reason.TENANT_UNKNOWN)
    if tenant.is_active:
        closed = tenant.model_copy(update={"is_active": False, "updated_at": work.now})
        tenants.save(work.connection, closed)
        tenants.expire_keys(work.connection, tenant.id, work.now)
    return Done()


@owns(RotateApiKey)
def rotate_api_key(command: RotateApiKey, work: Work, tools: Tools) -> Done:
    tenant = _open(work, command.tenant_id)
    if tenants.add_key(work.connection, tenant.id, command.api_key_sha256, work.now):
        tenants.expire_keys(
            work.connection,
            tenant.id,
            work.now + timedelta(seconds=command.overlap_s),
            but=command.api_key_sha256,
        )
    return Done()


def _open(work: Work, tenant_id: TenantId) -> TenantView:
    tenant = tenants.lock(work.connection, tenant_id)
    if tenant is None:
        raise refuse(Reason.TENANT_UNKNOWN)
    if not tenant.is_active:
        raise refuse(Reason.TENANT_INACTIVE)
    return tenant
