"""Webhook endpoints and their deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from handlers.dialects.chalk.wire.fields import EventName, unset
from handlers.dialects.operation import Body, Query, Shown
from infra.contract.commands import DeliveryState, DeliveryView, EndpointView

Url = Annotated[str, Field(min_length=8, max_length=2048)]
Events = Annotated[tuple[EventName, ...], Field(max_length=64)]
Description = Annotated[str, Field(max_length=500)]


class CreateWebhook(Body):
    url: Url
    "An https address that anybody can reach."
    events: Events = ()
    "Empty: all of them."
    description: Description | None = None


class UpdateWebhook(Body):
    url: Url = unset()
    events: Events = unset()
    description: Description = unset()
    enabled: bool = unset()


class RotateSecret(Body):
    overlap_seconds: int = Field(default=86_400, ge=0, le=7 * 86_400)
    "How long the secret of before signs as well."


class Webhook(Shown):
    id: UUID
    url: str
    events: tuple[str, ...]
    description: str | None
    source: Literal["api", "config"]
    "config: it is the tenant's `post_meeting_webhook` and changed there."
    enabled: bool
    disabled_reason: str | None
    "Why it was disabled without anybody asking."
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, endpoint: EndpointView) -> Webhook:
        return cls.model_validate(dict(endpoint))


class NewWebhook(Webhook):
    secret: str
    "Shown this once."


class Secret(Shown):
    secret: str
    "Shown this once."


class Webhooks(Shown):
    webhooks: list[Webhook]


class DeliveriesQuery(Query):
    limit: int = Field(default=20, ge=1, le=100)
    cursor: UUID | None = None
    "`next_cursor` of the page before."
    status: DeliveryState | None = None


class AttemptShown(Shown):
    at: datetime
    status: int | None
    "HTTP status; null: there was no answer."
    error: str | None
    duration_ms: int


class Delivery(Shown):
    id: UUID
    "The `webhook-id`, the same in every attempt."
    webhook_id: UUID
    "The endpoint's."
    room_id: UUID | None
    seq: int | None
    event: str
    payload: dict[str, Any] | None
    "The body as it is sent; null: nothing was sent yet."
    status: DeliveryState
    attempts: list[AttemptShown]
    next_attempt_at: datetime | None
    created_at: datetime
    delivered_at: datetime | None

    @classmethod
    def of(cls, delivery: DeliveryView) -> Delivery:
        return cls.model_validate(
            {
                **dict(delivery),
                "webhook_id": delivery.endpoint_id,
                "status": delivery.state,
                "attempts": [dict(attempt) for attempt in delivery.attempts],
            }
        )


class Deliveries(Shown):
    deliveries: list[Delivery]
    next_cursor: UUID | None
    "Null: this is the last page."
