"""Tenants, their keys, and tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from handlers.dialects.chalk.wire.fields import Minutes, Name, Origin, Quota, Seats, unset
from handlers.dialects.operation import Body, Shown
from handlers.tokens import RoleName, TokenPair
from infra.contract.ids import RoomId
from infra.contract.views import DuplicatePolicy, RateTier, TenantConfig, TenantView


class CreateTenant(Body):
    name: Name
    max_concurrent_rooms: Quota = 100
    max_participants_per_room: Seats | None = None
    "Null: a room's own `max_participants` alone decides."
    max_recording_duration_minutes: Minutes = 120
    rate_tier: RateTier = "standard"


class UpdateTenant(Body):
    name: Name = unset()
    max_concurrent_rooms: Quota = unset()
    max_participants_per_room: Seats = unset()
    max_recording_duration_minutes: Minutes = unset()
    rate_tier: RateTier = unset()


class TenantConfigChange(Body):
    """Merged over what is stored."""

    force_recording: bool = unset()
    auto_start_recording: bool = unset()
    allow_early_join: bool = unset()
    empty_room_timeout_minutes: Annotated[int, Field(ge=1, le=1440)] = unset()
    recording_retention_days: Annotated[int, Field(ge=1, le=3650)] = unset()
    duplicate_participant_policy: DuplicatePolicy = unset()
    transcription_enabled: bool = unset()
    transcription_language: Annotated[
        str, Field(min_length=2, max_length=16, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$")
    ] = unset()
    transcription_profanity_filter: bool = unset()
    transcription_keywords: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(max_length=100)
    ] = unset()
    allowed_origins: Annotated[tuple[Origin, ...], Field(max_length=20)] = unset()
    first_participant_is_host: bool = unset()


class RotateKey(Body):
    overlap_seconds: int = Field(default=0, ge=0, le=7 * 86_400)
    "How long the keys of before stay good."


class Tenant(Shown):
    id: UUID
    name: str
    config: TenantConfig
    tenant_config: TenantConfig
    "The same again."
    max_concurrent_rooms: int
    max_participants_per_room: int | None
    max_recording_duration_minutes: int
    is_active: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, tenant: TenantView) -> Tenant:
        return cls(**dict(tenant), tenant_config=tenant.config)


class NewTenant(Tenant):
    api_key: str
    "Shown this once."


class ApiKey(Shown):
    api_key: str
    "Shown this once."


class TokenRequest(Body):
    api_key: str = Field(min_length=1, max_length=256)
    user_id: Name | None = None
    "Whom of the tenant's users the token is for; null: the tenant itself."
    display_name: Name | None = None
    role: RoleName | None = None
    "Null: host for the tenant itself, participant for a user."
    room_id: RoomId | None = None
    "The one room the token is good for; null: any."


class RefreshRequest(Body):
    refresh_token: str = Field(min_length=1, max_length=8192)


class Tokens(Shown):
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int
    "Seconds."

    @classmethod
    def of(cls, pair: TokenPair) -> Tokens:
        return cls(
            access_token=pair.access_token,
            refresh_token=pair.refresh_token,
            expires_in=pair.expires_in,
        )
