"""Tenants and tokens."""

from __future__ import annotations

from functools import partial

from handlers.auth import May
from handlers.call import Call, Visit
from handlers.dialects.chalk.wire import tenants as wire
from handlers.dialects.chalk.wire.fields import changes
from handlers.dialects.operation import Answer, Table
from handlers.operations import credentials, tenants
from infra.contract.etags import etag_of
from infra.contract.ids import TenantId
from infra.contract.refusals import Reason
from infra.contract.views import TenantConfig, TenantView

TABLE = Table()
govern = partial(TABLE.add, tag="tenants", may=May.GOVERN)
exchange = partial(
    TABLE.add, "POST", tag="auth", may=None, refuses=(Reason.BAD_CREDENTIALS, Reason.TOKEN_EXPIRED)
)


@TABLE.add(
    "POST",
    "/tenants",
    tag="tenants",
    may=May.OPERATE,
    status=201,
    refuses=(Reason.UNUSABLE,),
)
async def create_tenant(call: Call, body: wire.CreateTenant) -> Answer[wire.NewTenant]:
    """Create tenant.

    With the operator key. The answer shows the tenant's API key; nothing shows it again, except a
    retry under the same `Idempotency-Key`.
    """
    sent = body.model_dump(exclude={"rate_tier"})
    config = TenantConfig(rate_tier=body.rate_tier)
    tenant, api_key = await tenants.create(call, config=config, **sent)
    shown = wire.NewTenant(**dict(wire.Tenant.of(tenant)), api_key=api_key)
    return Answer(shown, etag=etag_of(tenant))


@govern("GET", "/tenants/{tenant_id}", refuses=(Reason.OTHER_TENANT,))
async def get_tenant(call: Call, tenant_id: TenantId) -> Answer[wire.Tenant]:
    """Get tenant."""
    return _tagged(await tenants.get(call, tenant_id))


@govern(
    "PATCH",
    "/tenants/{tenant_id}",
    refuses=(Reason.OTHER_TENANT, Reason.UNUSABLE),
    conditional=True,
)
async def update_tenant(
    call: Call, tenant_id: TenantId, body: wire.UpdateTenant
) -> Answer[wire.Tenant]:
    """Update tenant.

    `rate_tier` is the operator's to change.
    """
    sent = changes(body)
    tier = sent.pop("rate_tier", None)
    return _tagged(await tenants.update(call, tenant_id, rate_tier=tier, **sent))


@govern(
    "DELETE",
    "/tenants/{tenant_id}",
    status=204,
    refuses=(Reason.OTHER_TENANT,),
    conditional=True,
)
async def delete_tenant(call: Call, tenant_id: TenantId) -> None:
    """Delete tenant.

    Its keys and tokens stop working and its rooms end.
    """
    await tenants.delete(call, tenant_id)


@govern("POST", "/tenants/{tenant_id}/rotate-key", refuses=(Reason.OTHER_TENANT,))
async def rotate_api_key(call: Call, tenant_id: TenantId, body: wire.RotateKey) -> wire.ApiKey:
    """Rotate API key.

    The keys of before stop working at once, or after `overlap_seconds`.
    """
    return wire.ApiKey(api_key=await tenants.rotate_key(call, tenant_id, body.overlap_seconds))


@govern(
    "PATCH",
    "/tenants/{tenant_id}/config",
    refuses=(Reason.OTHER_TENANT, Reason.BAD_URL, Reason.UNUSABLE),
    conditional=True,
)
async def update_tenant_config(
    call: Call, tenant_id: TenantId, body: wire.TenantConfigChange
) -> Answer[wire.Tenant]:
    """Update config."""
    config = changes(body)
    if "jwt_issuers" in config:
        given = [issuer.given for issuer in body.jwt_issuers]
        trusted = await tenants.trust(call, tenant_id, given)
        config["jwt_issuers"] = [issuer.model_dump() for issuer in trusted]
    return _tagged(await tenants.update(call, tenant_id, config=config))


def _tagged(tenant: TenantView) -> Answer[wire.Tenant]:
    return Answer(wire.Tenant.of(tenant), etag=etag_of(tenant))


@exchange("/auth/token")
async def exchange_api_key(visit: Visit, body: wire.TokenRequest) -> wire.Tokens:
    """Exchange API key for JWT.

    For the tenant itself, or with `user_id` for one of its users.
    """
    return wire.Tokens.of(await credentials.exchange(visit, **dict(body)))


@exchange("/auth/refresh")
async def refresh_tokens(visit: Visit, body: wire.RefreshRequest) -> wire.Tokens:
    """Refresh JWT tokens."""
    return wire.Tokens.of(await credentials.refresh(visit, body.refresh_token))
