"""Webhook endpoints: made, changed, taken away, their secrets changed, and deliveries asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from infra.contract.commands import (
    CreateEndpoint,
    DeleteEndpoint,
    DeliveryView,
    EndpointView,
    Redeliver,
    RotateEndpointSecret,
    TestEndpoint,
    UpdateEndpoint,
)
from infra.contract.etags import require_match
from infra.contract.ids import DeliveryId, EndpointId, TenantId
from infra.contract.messages import Done
from infra.contract.refusals import Reason, refuse
from infra.db import deliveries, tenants, webhooks
from infra.db.webhooks import Endpoint
from infra.db.work import Work
from workers import hooks
from workers.owners import owns
from workers.tools import Tools

AT_MOST = 50
"Endpoints of a tenant: each of its events is sent to all of them."


@owns(CreateEndpoint)
def create_endpoint(command: CreateEndpoint, work: Work, tools: Tools) -> EndpointView:
    hooks.check(tools, command.url, command.events)
    if tenants.lock(work.connection, command.tenant_id) is None:
        raise refuse(Reason.TENANT_UNKNOWN)
    if webhooks.count(work.connection, command.tenant_id) >= AT_MOST:
        raise refuse(Reason.MALFORMED, f"there are {AT_MOST} endpoints already")
    made = EndpointView(
        id=command.endpoint_id,
        tenant_id=command.tenant_id,
        url=command.url,
        events=command.events,
        description=command.description,
        enabled=True,
        disabled_reason=None,
        created_at=work.now,
        updated_at=work.now,
    )
    webhooks.create(work.connection, made, command.secret_sealed)
    return made


@owns(UpdateEndpoint)
def update_endpoint(command: UpdateEndpoint, work: Work, tools: Tools) -> EndpointView:
    endpoint = _own(work, command.tenant_id, command.endpoint_id)
    require_match(endpoint.view, command.if_match)
    changes: dict[str, Any] = command.model_dump(
        include={"url", "events", "description", "enabled"}, exclude_none=True
    )
    hooks.check(tools, command.url, command.events or ())
    if "events" in changes:
        changes["events"] = list(changes["events"])
    if command.enabled:
        changes["disabled_reason"] = None
    if command.enabled is False:
        deliveries.stop_all(work.connection, endpoint.view.id)
    webhooks.change(work.connection, endpoint.view.id, work.now, **changes)
    return _seen(work, command.tenant_id, command.endpoint_id)


@owns(DeleteEndpoint)
def delete_endpoint(command: DeleteEndpoint, work: Work, tools: Tools) -> Done:
    endpoint = _own(work, command.tenant_id, command.endpoint_id)
    require_match(endpoint.view, command.if_match)
    deliveries.stop_all(work.connection, endpoint.view.id)
    webhooks.change(work.connection, endpoint.view.id, work.now, deleted_at=work.now)
    return Done()


@owns(RotateEndpointSecret)
def rotate_secret(command: RotateEndpointSecret, work: Work, tools: Tools) -> EndpointView:
    endpoint = _known(work, command.tenant_id, command.endpoint_id)
    webhooks.change(
        work.connection,
        endpoint.view.id,
        work.now,
        secret_sealed=command.secret_sealed,
        old_secret_sealed=endpoint.secret_sealed if command.overlap_s else None,
        old_secret_until=work.now + timedelta(seconds=command.overlap_s),
    )
    return _seen(work, command.tenant_id, command.endpoint_id)


@owns(TestEndpoint)
def test_endpoint(command: TestEndpoint, work: Work, tools: Tools) -> DeliveryView:
    _enabled(_known(work, command.tenant_id, command.endpoint_id))
    deliveries.leave_test(
        work.connection, command.tenant_id, command.endpoint_id, command.delivery_id, work.now
    )
    work.knock(deliveries.QUEUE)
    return _delivery(work, command.tenant_id, command.delivery_id)


@owns(Redeliver)
def redeliver(command: Redeliver, work: Work, tools: Tools) -> DeliveryView:
    known = _delivery(work, command.tenant_id, command.delivery_id)
    _enabled(_known(work, command.tenant_id, known.endpoint_id))
    deliveries.again(work.connection, known.id)
    work.knock(deliveries.QUEUE)
    return _delivery(work, command.tenant_id, command.delivery_id)


def _known(work: Work, tenant_id: TenantId, endpoint_id: EndpointId) -> Endpoint:
    endpoint = webhooks.lock(work.connection, tenant_id, endpoint_id)
    if endpoint is None:
        raise refuse(Reason.ENDPOINT_UNKNOWN)
    return endpoint


def _own(work: Work, tenant_id: TenantId, endpoint_id: EndpointId) -> Endpoint:
    """One that the tenant manages by itself, and not through its configuration."""
    endpoint = _known(work, tenant_id, endpoint_id)
    if endpoint.view.source == "config":
        raise refuse(Reason.MALFORMED, "this endpoint is changed by `post_meeting_webhook`")
    return endpoint


def _enabled(endpoint: Endpoint) -> None:
    if not endpoint.view.enabled:
        raise refuse(Reason.MALFORMED, "the endpoint is disabled: enable it first")


def _seen(work: Work, tenant_id: TenantId, endpoint_id: EndpointId) -> EndpointView:
    view = webhooks.get(work.connection, tenant_id, endpoint_id)
    if view is None:
        raise refuse(Reason.ENDPOINT_UNKNOWN)
    return view


def _delivery(work: Work, tenant_id: TenantId, delivery_id: DeliveryId) -> DeliveryView:
    view = webhooks.delivery(work.connection, tenant_id, delivery_id)
    if view is None:
        raise refuse(Reason.DELIVERY_UNKNOWN)
    return view
