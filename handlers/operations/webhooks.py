"""What may be done with a tenant's webhook endpoints and their deliveries."""

from __future__ import annotations

from typing import Any

from handlers.call import Call
from infra.contract.commands import (
    CreateEndpoint,
    DeleteEndpoint,
    DeliveryState,
    DeliveryView,
    EndpointView,
    Redeliver,
    RotateEndpointSecret,
    TestEndpoint,
    UpdateEndpoint,
)
from infra.contract.ids import DeliveryId, EndpointId, new_id
from infra.contract.refusals import Reason, refuse
from infra.contract.webhooks import SEALED_FOR
from infra.db import webhooks


async def create(call: Call, **fields: Any) -> tuple[EndpointView, str]:
    """The new endpoint and its secret, which nothing shows again but a retry of this command."""
    secret = call.here.secrets.webhook_secret(call.command_id)
    endpoint = await call.ask(
        CreateEndpoint(
            tenant_id=call.tenant_id,
            endpoint_id=EndpointId(new_id()),
            secret_sealed=call.here.secrets.seal(SEALED_FOR, secret),
            **fields,
        )
    )
    return endpoint, secret


async def of_tenant(call: Call) -> list[EndpointView]:
    """Oldest first."""
    return await call.here.reader.read(webhooks.of_tenant, call.tenant_id)


async def get(call: Call, endpoint_id: EndpointId) -> EndpointView:
    found = await call.here.reader.read(webhooks.get, call.tenant_id, endpoint_id)
    if found is None:
        raise refuse(Reason.ENDPOINT_UNKNOWN)
    return found


async def update(call: Call, endpoint_id: EndpointId, **fields: Any) -> EndpointView:
    return await call.ask(
        UpdateEndpoint(
            tenant_id=call.tenant_id, endpoint_id=endpoint_id, if_match=call.if_match, **fields
        )
    )


async def delete(call: Call, endpoint_id: EndpointId) -> None:
    await call.ask(
        DeleteEndpoint(tenant_id=call.tenant_id, endpoint_id=endpoint_id, if_match=call.if_match)
    )


async def rotate_secret(call: Call, endpoint_id: EndpointId, overlap_s: int) -> str:
    """A new secret. The one before it also signs for `overlap_s` seconds."""
    secret = call.here.secrets.webhook_secret(call.command_id)
    await call.ask(
        RotateEndpointSecret(
            tenant_id=call.tenant_id,
            endpoint_id=endpoint_id,
            secret_sealed=call.here.secrets.seal(SEALED_FOR, secret),
            overlap_s=overlap_s,
        )
    )
    return secret


async def test(call: Call, endpoint_id: EndpointId) -> DeliveryView:
    """Have an event delivered that tells of nothing."""
    return await call.ask(
        TestEndpoint(
            tenant_id=call.tenant_id, endpoint_id=endpoint_id, delivery_id=DeliveryId(new_id())
        )
    )


async def deliveries(
    call: Call,
    endpoint_id: EndpointId,
    *,
    state: DeliveryState | None,
    before: DeliveryId | None,
    limit: int,
) -> tuple[list[DeliveryView], DeliveryId | None]:
    """Newest first, and where the next page begins; None: this is the last."""
    await get(call, endpoint_id)
    found = await call.here.reader.read(
        webhooks.deliveries,
        call.tenant_id,
        endpoint_id,
        state=state,
        before=before,
        limit=limit + 1,
    )
    return found[:limit], found[limit - 1].id if len(found) > limit else None


async def delivery(call: Call, delivery_id: DeliveryId) -> DeliveryView:
    found = await call.here.reader.read(webhooks.delivery, call.tenant_id, delivery_id)
    if found is None:
        raise refuse(Reason.DELIVERY_UNKNOWN)
    return found


async def redeliver(call: Call, delivery_id: DeliveryId) -> DeliveryView:
    return await call.ask(Redeliver(tenant_id=call.tenant_id, delivery_id=delivery_id))
