"""Who asks, what for, and the envelope of what they are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.kit import Credential, Example
from tests.conformance.shapes import NUMBER_TEXT, Shape

BASE = "/api/meeting"


def bearer(name: str) -> Credential:
    return {"Authorization": f"Bearer {{{name}}}"}


HOST, MEMBER, OTHER = bearer("teacher"), bearer("student"), bearer("student_2")
OUTSIDER, ADMIN, HASTY = bearer("outsider"), bearer("admin"), bearer("hasty")
PEOPLE = {
    "teacher": ("user_123", "John Doe", "teacher"),
    "student": ("user_001", "Ann One", "student"),
    "student_2": ("user_002", "Ben Two", "student"),
    "outsider": ("user_999", "Nobody Asked", "student"),
    "admin": ("user_900", "Head Office", "admin"),
    "hasty": ("user_901", "Much Too Fast", "teacher"),
}
STANDUP = {
    "meeting_name": "Team Standup",
    "meeting_description": "Daily team sync",
    "meeting_start_time": "2025-11-04T09:00:00Z",
    "meeting_end_time": "2025-11-04T09:30:00Z",
    "meeting_location": "Virtual",
    "participants": ["user_001", "user_002", "user_003"],
    "meeting_meta_data": {"department": "Engineering"},
    "meeting_type": "scheduled",
    "max_participants": 50,
    "features": {
        "video_enabled": True,
        "audio_enabled": True,
        "screen_sharing_enabled": True,
        "chat_enabled": True,
        "recording_enabled": True,
    },
}
REQUIRED = (
    "meeting_name",
    "meeting_description",
    "meeting_start_time",
    "meeting_end_time",
    "meeting_location",
    "participants",
    "meeting_meta_data",
)
BARE = {name: STANDUP[name] for name in REQUIRED}
NOT_A_PARTICIPANT = "Access denied - you are not a participant in this meeting"
COUNTED = {"X-RateLimit-Remaining": NUMBER_TEXT, "X-RateLimit-Reset": NUMBER_TEXT}


def done(data: Shape, **beside: Shape) -> Shape:
    return {"success": True, "data": data, **beside}


def no(message: Shape, code: Shape = str) -> Shape:
    return {"success": False, "message": message, "code": code}


DENIED, NOT_FOUND = (
    no(NOT_A_PARTICIPANT, "ACCESS_DENIED"),
    no("Meeting not found", "MEETING_NOT_FOUND"),
)
SIGN_IN = no("Authentication required", "AUTHENTICATION_REQUIRED")


def limited(per_minute: int) -> Mapping[str, Shape]:
    return {"X-RateLimit-Limit": str(per_minute), **COUNTED}


def asked(endpoint: str, shows: str, path: str, data: Shape, **more: Any) -> Example:
    """An answer of 200, as all of this guide's are. A path under `/meeting` is as it writes it."""
    fields: dict[str, Any] = {"by": HOST, **more}
    beside = fields.pop("beside", {})
    whole = path if path.startswith("/meeting") else BASE + path
    return Example(endpoint, shows, whole, shape=done(data, **beside), **fields)


def refused(
    endpoint: str, shows: str, path: str, status: int, shape: Shape, **more: Any
) -> Example:
    fields: dict[str, Any] = {"by": HOST, **more}
    whole = path if path.startswith("/meeting") else BASE + path
    return Example(endpoint, shows, whole, status=status, shape=shape, **fields)


def token_of(name: str) -> Example:
    user_id, display_name, role = PEOPLE[name]
    return Example(
        "POST /auth/token",
        f"A token of {user_id}, {role}",
        "/api/v1/auth/token",
        body={"api_key": "{key}", "user_id": user_id, "display_name": display_name, "role": role},
        shape={"access_token": str},
        keep={name: "access_token"},
        extension=True,
    )
