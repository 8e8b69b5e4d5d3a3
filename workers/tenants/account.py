"""Opening, changing and closing tenants, and their API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from infra.contract.commands import CreateTenant, DeleteTenant, RotateApiKey, UpdateTenant
from infra.contract.etags import require_match
from infra.contract.ids import TenantId
from infra.contract.messages import Done
from infra.contract.refusals import Reason, refuse
from infra.contract.views import TenantView
from infra.db import keys, tenants
from infra.db.work import Work
from workers import hooks
from workers.fields import merged
from workers.owners import owns
from workers.tools import Tools


@owns(CreateTenant)
def create_tenant(command: CreateTenant, work: Work, tools: Tools) -> TenantView:
    _check_external_ref(work, command.tenant_id, command.external_ref)
    tenant = TenantView(
        id=command.tenant_id,
        external_ref=command.external_ref,
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
    require_match(tenant, command.if_match)
    _check_external_ref(work, tenant.id, command.external_ref)
    changes: dict[str, Any] = command.model_dump(
        include={
            "external_ref",
            "name",
            "max_concurrent_rooms",
            "max_participants_per_room",
            "max_recording_duration_minutes",
        },
        exclude_none=True,
    )
    if command.config is not None:
        wanted = dict(command.config)
        if "post_meeting_webhook" in wanted:
            wanted["post_meeting_webhook"] = hooks.configure(
                work,
                tools,
                tenant,
                wanted["post_meeting_webhook"],
                secret_sealed=command.webhook_secret_sealed,
            )
        changes["config"] = merged(tenant.config, wanted)
    if changes:
        tenant = tenant.model_copy(update={**changes, "updated_at": work.now})
        if not tenants.save(work.connection, tenant):
            raise refuse(Reason.UNUSABLE, "external_ref is taken")
    return tenant


@owns(DeleteTenant)
def delete_tenant(command: DeleteTenant, work: Work, tools: Tools) -> Done:
    """From now on its keys open nothing and nobody gets in; the next sweep ends its rooms."""
    tenant = tenants.lock(work.connection, command.tenant_id, closing=True)
    if tenant is None:
        raise refuse(Reason.TENANT_UNKNOWN)
    require_match(tenant, command.if_match)
    if tenant.is_active:
        closed = tenant.model_copy(update={"is_active": False, "updated_at": work.now})
        tenants.save(work.connection, closed)
        keys.expire_all(work.connection, tenant.id, work.now)
    return Done()


@owns(RotateApiKey)
def rotate_api_key(command: RotateApiKey, work: Work, tools: Tools) -> Done:
    """The tenant's own keys of before end; keys with scopes are revoked one by one."""
    tenant = _open(work, command.tenant_id)
    if keys.add_own(work.connection, tenant.id, command.api_key_sha256, work.now):
        keys.expire_own(
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


def _check_external_ref(work: Work, tenant_id: TenantId, name: str | None) -> None:
    if name is None:
        return
    try:
        UUID(name)
    except ValueError:
        pass
    else:
        raise refuse(Reason.UNUSABLE, "external_ref looks like a tenant's id")
    other = tenants.by_external_ref(work.connection, name)
    if other is not None and other.id != tenant_id:
        raise refuse(Reason.UNUSABLE, "external_ref is taken")
