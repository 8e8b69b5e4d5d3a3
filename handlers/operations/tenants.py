"""What may be done with tenants and their API keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handlers.call import Call
from handlers.issuers import GivenIssuer
from infra.contract.commands import CreateTenant, DeleteTenant, RotateApiKey, UpdateTenant
from infra.contract.ids import TenantId, new_id
from infra.contract.issuers import JwtIssuer
from infra.contract.refusals import Reason, refuse
from infra.contract.views import RateTier, TenantConfig, TenantView
from infra.contract.webhooks import SEALED_FOR
from infra.db import tenants
from infra.secrets import api_key_sha256


async def create(call: Call, *, config: TenantConfig, **fields: Any) -> tuple[TenantView, str]:
    """The new tenant and its API key, which nothing shows again but a retry of this command."""
    api_key = call.here.secrets.api_key(call.command_id)
    tenant = await call.ask(
        CreateTenant(
            tenant_id=TenantId(new_id()),
            api_key_sha256=api_key_sha256(api_key),
            config=config,
            **fields,
        )
    )
    return tenant, api_key


async def get(call: Call, tenant_id: TenantId) -> TenantView:
    tenant = await call.here.reader.read(tenants.get, _own(call, tenant_id))
    if tenant is None or not tenant.is_active:
        raise refuse(Reason.TENANT_UNKNOWN)
    return tenant


async def update(
    call: Call, tenant_id: TenantId, *, rate_tier: RateTier | None = None, **fields: Any
) -> TenantView:
    """Only what is given changes. Refuses NOT_ALLOWED: a tier is the operator's to give."""
    if rate_tier is not None:
        if call.who.kind != "operator":
            raise refuse(Reason.NOT_ALLOWED, "rate_tier is the operator's to change")
        fields["config"] = {"rate_tier": rate_tier, **fields.get("config", {})}
    if "external_ref" in fields and call.who.kind != "operator":
        raise refuse(Reason.NOT_ALLOWED, "external_ref is the operator's to change")
    secret = fields.get("config", {}).get("post_meeting_webhook", {}).pop("secret", None)
    if secret is not None:
        fields["webhook_secret_sealed"] = call.here.secrets.seal(SEALED_FOR, secret)
    changed = await call.ask(
        UpdateTenant(tenant_id=_own(call, tenant_id), if_match=call.if_match, **fields)
    )
    call.here.standing.forget()
    return changed


async def trust(call: Call, tenant_id: TenantId, given: Sequence[GivenIssuer]) -> list[JwtIssuer]:
    """The issuers as they are kept. Refuses UNUSABLE, BAD_URL: see `Issuers.accepted`."""
    tenant = await get(call, tenant_id)
    before = {issuer.issuer: issuer for issuer in tenant.config.jwt_issuers}
    return [call.here.issuers.accepted(issuer, before.get(issuer.issuer)) for issuer in given]


async def delete(call: Call, tenant_id: TenantId) -> None:
    await call.ask(DeleteTenant(tenant_id=_own(call, tenant_id), if_match=call.if_match))
    call.here.standing.forget()


async def rotate_key(call: Call, tenant_id: TenantId, overlap_s: int) -> str:
    """A new API key. Those of before stay good for `overlap_s` seconds."""
    api_key = call.here.secrets.api_key(call.command_id)
    await call.ask(
        RotateApiKey(
            tenant_id=_own(call, tenant_id),
            api_key_sha256=api_key_sha256(api_key),
            overlap_s=overlap_s,
        )
    )
    call.here.standing.forget()
    return api_key


def _own(call: Call, tenant_id: TenantId) -> TenantId:
    """Raises `Refused` OTHER_TENANT, for a tenant that is another's and for one that is none."""
    if call.who.kind != "operator" and tenant_id != call.who.tenant_id:
        raise refuse(Reason.OTHER_TENANT)
    return tenant_id
