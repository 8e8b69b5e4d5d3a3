"""Webhook endpoints, and what is delivered to them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from infra.contract.ids import DeliveryId, EndpointId, RoomId, TenantId
from infra.contract.messages import Command, Done, Message, Reply


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    "Given up: refused for good, or tried for more than a day."


class EndpointView(Reply):
    """Never its secret."""

    id: EndpointId
    tenant_id: TenantId
    url: str
    events: tuple[str, ...]
    "Empty: all of them."
    description: str | None
    source: Literal["api", "config"] = "api"
    "config: it is the tenant's `post_meeting_webhook`, which alone changes it."
    enabled: bool
    disabled_reason: str | None
    "Why we stopped by ourselves, such as an answer of 410."
    created_at: datetime
    updated_at: datetime


class Attempt(Message):
    at: datetime
    status: int | None
    "HTTP status; None: there was no answer."
    error: str | None
    duration_ms: int


class DeliveryView(Reply):
    id: DeliveryId
    "The `webhook-id`, the same in every attempt."
    endpoint_id: EndpointId
    tenant_id: TenantId
    room_id: RoomId | None
    seq: int | None
    "Of the room event it tells of."
    event: str
    payload: dict[str, Any] | None
    "The body as it is sent; None: nothing was sent yet."
    state: DeliveryState
    attempts: tuple[Attempt, ...]
    next_attempt_at: datetime | None
    created_at: datetime
    delivered_at: datetime | None


class CreateEndpoint(Command[EndpointView]):
    """Refuses BAD_URL for what is not a public https address, MALFORMED for events there are not
    and for more endpoints than a tenant may have."""

    kind: Literal["webhook.create"] = "webhook.create"
    tenant_id: TenantId
    endpoint_id: EndpointId
    url: str = Field(min_length=8, max_length=2048)
    events: tuple[str, ...] = Field(default=(), max_length=64)
    description: str | None = Field(default=None, max_length=500)
    secret_sealed: str
    "Encrypted with the deployment's secret key; the secret itself never travels in a message."


class UpdateEndpoint(Command[EndpointView]):
    """Only the fields that were set change. Enabling it clears why it was stopped; what waited
    when it was disabled is not delivered any more."""

    kind: Literal["webhook.update"] = "webhook.update"
    tenant_id: TenantId
    endpoint_id: EndpointId
    url: str | None = Field(default=None, min_length=8, max_length=2048)
    events: tuple[str, ...] | None = Field(default=None, max_length=64)
    description: str | None = Field(default=None, max_length=500)
    enabled: bool | None = None
    if_match: str | None = None
    "The entity tag last seen; refuses PRECONDITION_FAILED when it has changed since."


class DeleteEndpoint(Command[Done]):
    """What waits for it is not delivered any more."""

    kind: Literal["webhook.delete"] = "webhook.delete"
    tenant_id: TenantId
    endpoint_id: EndpointId
    if_match: str | None = None
    "The entity tag last seen; refuses PRECONDITION_FAILED when it has changed since."


class RotateEndpointSecret(Command[EndpointView]):
    """The secret of before also signs for `overlap_s` seconds more."""

    kind: Literal["webhook.rotate_secret"] = "webhook.rotate_secret"
    tenant_id: TenantId
    endpoint_id: EndpointId
    secret_sealed: str
    overlap_s: int = Field(default=86_400, ge=0, le=7 * 86_400)


class TestEndpoint(Command[DeliveryView]):
    """Deliver an event that tells of nothing."""

    kind: Literal["webhook.test"] = "webhook.test"
    tenant_id: TenantId
    endpoint_id: EndpointId
    delivery_id: DeliveryId


class Redeliver(Command[DeliveryView]):
    """Deliver once more, at once and under the same `webhook-id`, whatever came of it before."""

    kind: Literal["webhook.redeliver"] = "webhook.redeliver"
    tenant_id: TenantId
    delivery_id: DeliveryId
