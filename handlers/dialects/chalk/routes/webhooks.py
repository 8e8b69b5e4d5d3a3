"""Webhook endpoints and their deliveries. The published reference has none of these."""

from __future__ import annotations

from functools import partial

from handlers.auth import May
from handlers.call import Call
from handlers.dialects.chalk.wire import webhooks as wire
from handlers.dialects.chalk.wire.fields import changes
from handlers.dialects.operation import Answer, Table
from handlers.operations import webhooks
from infra.contract.commands import EndpointView
from infra.contract.etags import etag_of
from infra.contract.ids import DeliveryId, EndpointId
from infra.contract.refusals import Reason

TABLE = Table()
govern = partial(TABLE.add, tag="webhooks", may=May.GOVERN, extension=True)


# Before the endpoints, whose ids stand where `deliveries` does.
@govern("GET", "/webhooks/deliveries/{delivery_id}")
async def get_webhook_delivery(call: Call, delivery_id: DeliveryId) -> wire.Delivery:
    """Get a delivery, with every attempt."""
    return wire.Delivery.of(await webhooks.delivery(call, delivery_id))


@govern("POST", "/webhooks/deliveries/{delivery_id}/redeliver", status=202)
async def redeliver_webhook(call: Call, delivery_id: DeliveryId) -> wire.Delivery:
    """Deliver once more.

    Under the same `webhook-id`, whatever came of it before.
    """
    return wire.Delivery.of(await webhooks.redeliver(call, delivery_id))


@govern("POST", "/webhooks", status=201, refuses=(Reason.BAD_URL,))
async def create_webhook(call: Call, body: wire.CreateWebhook) -> Answer[wire.NewWebhook]:
    """Create a webhook endpoint.

    The answer shows the secret its deliveries are signed with; nothing shows it again, except a
    retry under the same `Idempotency-Key`.
    """
    endpoint, secret = await webhooks.create(call, **body.model_dump())
    shown = wire.NewWebhook(**dict(wire.Webhook.of(endpoint)), secret=secret)
    return Answer(shown, etag=etag_of(endpoint))


@govern("GET", "/webhooks")
async def list_webhooks(call: Call) -> wire.Webhooks:
    """List webhook endpoints."""
    found = await webhooks.of_tenant(call)
    return wire.Webhooks(webhooks=[wire.Webhook.of(endpoint) for endpoint in found])


@govern("GET", "/webhooks/{endpoint_id}")
async def get_webhook(call: Call, endpoint_id: EndpointId) -> Answer[wire.Webhook]:
    """Get a webhook endpoint."""
    return _tagged(await webhooks.get(call, endpoint_id))


@govern("PATCH", "/webhooks/{endpoint_id}", refuses=(Reason.BAD_URL,), conditional=True)
async def update_webhook(
    call: Call, endpoint_id: EndpointId, body: wire.UpdateWebhook
) -> Answer[wire.Webhook]:
    """Update a webhook endpoint.

    What waits for one that is disabled is not delivered any more.
    """
    return _tagged(await webhooks.update(call, endpoint_id, **changes(body)))


@govern("DELETE", "/webhooks/{endpoint_id}", status=204, conditional=True)
async def delete_webhook(call: Call, endpoint_id: EndpointId) -> None:
    """Delete a webhook endpoint.

    What waits for it is not delivered any more.
    """
    await webhooks.delete(call, endpoint_id)


@govern("POST", "/webhooks/{endpoint_id}/rotate-secret")
async def rotate_webhook_secret(
    call: Call, endpoint_id: EndpointId, body: wire.RotateSecret
) -> wire.Secret:
    """Rotate a webhook's secret.

    The one before it signs as well for `overlap_seconds`: `webhook-signature` then holds both.
    `X-Chalk-Signature` has room for one, the new one's.
    """
    return wire.Secret(secret=await webhooks.rotate_secret(call, endpoint_id, body.overlap_seconds))


@govern("POST", "/webhooks/{endpoint_id}/test", status=202)
async def test_webhook(call: Call, endpoint_id: EndpointId) -> wire.Delivery:
    """Send a test event."""
    return wire.Delivery.of(await webhooks.test(call, endpoint_id))


@govern("GET", "/webhooks/{endpoint_id}/deliveries")
async def list_webhook_deliveries(
    call: Call, endpoint_id: EndpointId, query: wire.DeliveriesQuery
) -> wire.Deliveries:
    """List a webhook's deliveries.

    Newest first. They are kept for 30 days.
    """
    found, after = await webhooks.deliveries(
        call,
        endpoint_id,
        state=query.status,
        before=DeliveryId(query.cursor) if query.cursor else None,
        limit=query.limit,
    )
    return wire.Deliveries(
        deliveries=[wire.Delivery.of(delivery) for delivery in found], next_cursor=after
    )


def _tagged(endpoint: EndpointView) -> Answer[wire.Webhook]:
    return Answer(wire.Webhook.of(endpoint), etag=etag_of(endpoint))
