"""Tenants and their secret keys."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from infra.contract.commands.actor import NAME
from infra.contract.ids import TenantId
from infra.contract.messages import Command, Done
from infra.contract.views import TenantConfig, TenantView

EXTERNAL_REF = Field(default=None, min_length=1, max_length=200)
"""A tenant's name in other systems. Refuses UNUSABLE one that another tenant has, or that looks
like a tenant's id."""


class CreateTenant(Command[TenantView]):
    kind: Literal["tenant.create"] = "tenant.create"
    tenant_id: TenantId
    name: str = NAME
    api_key_sha256: str
    "Hex digest of the key; the key itself never travels in a message."
    max_concurrent_rooms: int = Field(default=100, ge=1, le=1_000_000)
    max_participants_per_room: int | None = Field(default=None, ge=2, le=10_000)
    max_recording_duration_minutes: int = Field(default=120, ge=1, le=10_080)
    config: TenantConfig = TenantConfig()
    external_ref: str | None = EXTERNAL_REF


class UpdateTenant(Command[TenantView]):
    """Only the fields that were set change."""

    kind: Literal["tenant.update"] = "tenant.update"
    tenant_id: TenantId
    name: str | None = Field(default=None, min_length=1, max_length=200)
    max_concurrent_rooms: int | None = Field(default=None, ge=1, le=1_000_000)
    max_participants_per_room: int | None = Field(default=None, ge=2, le=10_000)
    max_recording_duration_minutes: int | None = Field(default=None, ge=1, le=10_080)
    config: dict[str, Any] | None = None
    """Keys of `TenantConfig` to merge over what is stored; those of `post_meeting_webhook` are
    merged over its own. Refuses BAD_URL for an address there that cannot be used."""
    webhook_secret_sealed: str | None = None
    "Of `post_meeting_webhook`, encrypted with the deployment's secret key."
    if_match: str | None = None
    "The entity tag last seen; refuses PRECONDITION_FAILED when it has changed since."
    external_ref: str | None = EXTERNAL_REF


class DeleteTenant(Command[Done]):
    """Close the tenant: its keys stop working and its live rooms end. Rows stay for the audit."""

    kind: Literal["tenant.delete"] = "tenant.delete"
    tenant_id: TenantId
    if_match: str | None = None
    "The entity tag last seen; refuses PRECONDITION_FAILED when it has changed since."


class RotateApiKey(Command[Done]):
    kind: Literal["tenant.rotate_key"] = "tenant.rotate_key"
    tenant_id: TenantId
    api_key_sha256: str
    overlap_s: int = Field(default=0, ge=0, le=7 * 86_400)
    "Seconds the keys of before stay good."
