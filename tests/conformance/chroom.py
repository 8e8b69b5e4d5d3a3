"""Chroom's reference: one endpoint, two ways to be known, two tiers."""

from __future__ import annotations

from typing import Any

from tests.conformance.kit import Credential, Dialect, Example
from tests.conformance.shapes import NUMBER_TEXT, Kept, Shape, matching

CREATE = "POST /api/meetings/create"
ENDPOINTS = (CREATE,)
KEY: Credential = {"Authorization": "Bearer {key}"}
WRONG_KEY: Credential = {"Authorization": "Bearer nonsense"}

BODY = {
    "title": "Weekly Review",
    "host": "host_1",
    "participants": ["user_1", "user_2"],
    "duration": 45,
}
CREATED = {
    "meeting_id": str,
    "status": "created",
    "start_url": matching(r"https?://\S+", "a link that starts the meeting"),
    "join_url": matching(r"https?://\S+", "a link that joins the meeting"),
}
REFUSED = {"error": str, "message": str}
LIMITED = {"X-RateLimit-Remaining": NUMBER_TEXT, "X-RateLimit-Reset": NUMBER_TEXT}


def created(shows: str, shape: Shape = CREATED, **more: Any) -> Example:
    fields: dict[str, Any] = {"by": KEY, "body": BODY, "shape": shape, **more}
    return Example(CREATE, shows, "/api/meetings/create", **fields)


MEETINGS = (
    created("Create a new meeting", keep={"chroom_meeting": "meeting_id"}),
    created("Create a new meeting, nobody else invited", body={**BODY, "participants": []}),
    *(
        created(f"400 {shows}", REFUSED, status=400, body=body)
        for shows, body in (
            ("no title", {name: value for name, value in BODY.items() if name != "title"}),
            ("title no text", {**BODY, "title": 7}),
            ("participants no array", {**BODY, "participants": "user_1"}),
            ("duration no integer", {**BODY, "duration": "45"}),
            ("duration below one minute", {**BODY, "duration": 0}),
        )
    ),
    created("401 nobody", REFUSED, status=401, by={}),
    created("401 wrong key", REFUSED, status=401, by=WRONG_KEY),
)

OAUTH = (
    Example(
        "POST /api/keys",
        "A key with one scope",
        "/api/keys",
        by=KEY,
        body={"name": "Scheduler", "scopes": ["meetings:write"]},
        shape={"key_id": str, "key": str, "scopes": ["meetings:write"]},
        keep={"client": "key_id", "secret": "key"},
        extension=True,
    ),
    Example(
        "POST /oauth/token",
        "OAuth 2.0: client credentials (RFC 6749, section 4.4)",
        "/oauth/token",
        form={
            "grant_type": "client_credentials",
            "client_id": "{client}",
            "client_secret": "{secret}",
        },
        shape={"access_token": str, "token_type": "Bearer", "expires_in": int},
        keep={"oauth": "access_token"},
        extension=True,
    ),
    created("Create a new meeting with an OAuth token", by={"Authorization": "Bearer {oauth}"}),
    created("Create a new meeting with a scoped key", by={"Authorization": "Bearer {secret}"}),
)

TIERS = (
    created(
        "Standard Tier: 100 requests per minute",
        headers={"X-RateLimit-Limit": "100", **LIMITED},
    ),
    Example(
        "PATCH /api/v1/tenants/:id",
        "An operator gives the premium tier",
        "/api/v1/tenants/{tenant}",
        by={"X-API-Key": "{operator}"},
        body={"rate_tier": "premium"},
        shape={"id": Kept("{tenant}")},
        extension=True,
    ),
    created(
        "Premium Tier: 1,000 requests per minute",
        headers={"X-RateLimit-Limit": "1000", **LIMITED},
        within=20,
    ),
)

CHROOM = Dialect("chroom", ENDPOINTS, (*MEETINGS, *OAUTH, *TIERS))
