"""What both ways of making a webhook endpoint share: by itself, and in a tenant's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from infra.contract.commands import EndpointView
from infra.contract.ids import EndpointId, new_id
from infra.contract.refusals import Reason, refuse
from infra.contract.views import PostMeetingWebhook, TenantView
from infra.contract.webhooks import EVENTS, Part
from infra.db import deliveries, webhooks
from infra.db.work import Work
from infra.net import Outbound, Unsafe
from workers.tools import Tools

CONFIGURED = "post_meeting_webhook"


def check(tools: Tools, url: str | None, events: Sequence[str]) -> None:
    """Refuses BAD_URL for what we would not connect to, MALFORMED for events there are not."""
    if url is not None:
        try:
            Outbound(tools.settings.allow_private_urls).check(url)
        except Unsafe as unsafe:
            raise refuse(Reason.BAD_URL, f"url: {unsafe}") from unsafe
    if any(event not in EVENTS for event in events):
        raise refuse(Reason.MALFORMED, f"events: there are only {', '.join(EVENTS)}")


def configure(
    work: Work,
    tools: Tools,
    tenant: TenantView,
    changes: dict[str, Any],
    *,
    secret_sealed: str | None,
) -> dict[str, Any]:
    """Make or change the endpoint a tenant's configuration has; what the configuration then says.

    The tenant is locked. A new one needs a secret, a known one keeps its own unless there is a new
    one, which then signs alone.
    """
    before = tenant.config.post_meeting_webhook
    try:
        hook = PostMeetingWebhook.model_validate(
            {**(before.model_dump() if before else {}), **changes}
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise refuse(Reason.UNUSABLE, f"{CONFIGURED}.{where}: {first['msg']}") from error
    check(tools, hook.url, hook.events)
    known = webhooks.lock_of_config(work.connection, tenant.id)
    values: dict[str, Any] = {
        "url": hook.url,
        "events": list(hook.events),
        "parts": _parts(hook),
        "enabled": hook.enabled,
        "disabled_reason": None,
    }
    if known is not None:
        if secret_sealed is not None:
            values |= {"secret_sealed": secret_sealed, "old_secret_sealed": None}
        webhooks.change(work.connection, known.view.id, work.now, **values)
        if not hook.enabled:
            deliveries.stop_all(work.connection, known.view.id)
    elif secret_sealed is None:
        raise refuse(Reason.UNUSABLE, f"{CONFIGURED}.secret: a new webhook needs one")
    else:
        made = EndpointView(
            id=EndpointId(new_id()),
            tenant_id=tenant.id,
            url=hook.url,
            events=hook.events,
            description=CONFIGURED,
            source="config",
            enabled=hook.enabled,
            disabled_reason=None,
            created_at=work.now,
            updated_at=work.now,
        )
        webhooks.create(work.connection, made, secret_sealed, values["parts"])
    return hook.model_dump(mode="json")


def _parts(hook: PostMeetingWebhook) -> list[str]:
    included = {
        Part.RECORDING: hook.include_recording,
        Part.TRANSCRIPT: hook.include_transcript,
        Part.SUMMARY: hook.include_summary,
        Part.ACTION_ITEMS: hook.include_action_items,
    }
    return [part.value for part, is_in in included.items() if is_in]
