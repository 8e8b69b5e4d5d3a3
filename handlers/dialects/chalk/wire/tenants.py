"""Tenants, their keys, and tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from handlers.dialects.chalk.wire.fields import (
    EventName,
    Minutes,
    Name,
    Origin,
    Quota,
    Seats,
    unset,
)
from handlers.dialects.chalk.wire.issuers import JwtIssuerGiven, ShownConfig
from handlers.dialects.operation import Body, Shown
from handlers.tokens import RoleName, TokenPair
from infra.contract.ids import RoomId
from infra.contract.issuers import MOST_ISSUERS
from infra.contract.views import DuplicatePolicy, RateTier, TenantView


class CreateTenant(Body):
    name: Name
    max_concurrent_rooms: Quota = 100
    max_participants_per_room: Seats | None = None
    "Null: a room's own `max_participants` alone decides."
    max_recording_duration_minutes: Minutes = 120
    rate_tier: RateTier = "standard"
    external_ref: Name | None = None
    "What other systems call the tenant: the `campus_id` in tokens of its own issuers."


class UpdateTenant(Body):
    name: Name = unset()
    max_concurrent_rooms: Quota = unset()
    max_participants_per_room: Seats = unset()
    max_recording_duration_minutes: Minutes = unset()
    rate_tier: RateTier = unset()
    external_ref: Name = unset()
    "The operator's to change."


class PostMeetingWebhookChange(Body):
    """A webhook endpoint that is part of the configuration; what is not sent stays as it is."""

    enabled: bool = unset()
    url: Annotated[str, Field(min_length=8, max_length=2048)] = unset()
    secret: Annotated[str, Field(min_length=24, max_length=256, pattern=r"^[!-~]+$")] = unset()
    """Needed at first. `X-Chalk-Signature` is made with it as it stands, `webhook-signature` with
    what follows `whsec_` decoded from base64. Nothing ever shows it."""
    include_recording: bool = unset()
    include_transcript: bool = unset()
    include_summary: bool = unset()
    include_action_items: bool = unset()
    events: Annotated[tuple[EventName, ...], Field(max_length=64)] = unset()
    "At first `meeting.recording_ready` alone; empty: all of them."


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
    post_meeting_webhook: PostMeetingWebhookChange = unset()
    jwt_issuers: Annotated[tuple[JwtIssuerGiven, ...], Field(max_length=MOST_ISSUERS)] = unset()
    "All of them: those of before that are not among these are trusted no more."


class RotateKey(Body):
    overlap_seconds: int = Field(default=0, ge=0, le=7 * 86_400)
    "How long the keys of before stay good."


class Tenant(Shown):
    id: UUID
    name: str
    external_ref: str | None
    config: ShownConfig
    tenant_config: ShownConfig
    "The same again."
    max_concurrent_rooms: int
    max_participants_per_room: int | None
    max_recording_duration_minutes: int
    is_active: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, tenant: TenantView) -> Tenant:
        config = ShownConfig.of(tenant.config)
        return cls(**{**dict(tenant), "config": config}, tenant_config=config)


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
    email: Annotated[str, Field(min_length=3, max_length=254)] | None = None
    "The user's: invitations to it are theirs."


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
