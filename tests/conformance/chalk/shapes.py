"""What Chalk's reference is made of: who asks, what they read, how they are refused."""

from __future__ import annotations

from typing import Any

from tests.conformance.kit import Credential, Example
from tests.conformance.shapes import (
    JWT,
    NOT_THERE,
    TIME,
    UUID_TEXT,
    Each,
    Kept,
    OrNull,
    Shape,
    either,
    matching,
)

BASE = "/api/v1"

OPERATOR: Credential = {"X-API-Key": "{operator}"}
KEY: Credential = {"X-API-Key": "{key}"}
KEY_AS_BEARER: Credential = {"Authorization": "Bearer {key}"}
TOKEN: Credential = {"Authorization": "Bearer {token}"}
GUEST: Credential = {"Authorization": "Bearer {guest_token}"}
OTHERS_KEY: Credential = {"X-API-Key": "{other_key}"}
WRONG_KEY: Credential = {"X-API-Key": "chalk_abc123..."}
UNKNOWN = "0190a6f0-0000-7000-8000-000000000000"

API_KEY = matching(r"chalk_[\w-]+", "an API key such as chalk_abc123...")
CONFIG = {
    "force_recording": bool,
    "auto_start_recording": bool,
    "allow_early_join": True,
    "empty_room_timeout_minutes": 30,
    "recording_retention_days": 30,
    "duplicate_participant_policy": "reject",
    "transcription_enabled": True,
    "transcription_language": "en-US",
    "transcription_profanity_filter": bool,
    "transcription_keywords": Each(str),
    "allowed_origins": Each(str),
    "first_participant_is_host": bool,
}
TENANT = {
    "id": UUID_TEXT,
    "name": "Acme School",
    "config": CONFIG,
    "tenant_config": CONFIG,
    "max_concurrent_rooms": 100,
    "max_participants_per_room": OrNull(int),
    "max_recording_duration_minutes": 120,
    "is_active": True,
    "created_at": TIME,
    "updated_at": TIME,
    "api_key_hash": NOT_THERE,
}
TOKENS = {
    "access_token": JWT,
    "refresh_token": JWT,
    "token_type": "Bearer",
    "expires_in": int,
}
ROOM = {
    "id": UUID_TEXT,
    "tenant_id": Kept("{tenant}"),
    "name": str,
    "config": {"max_participants": int, "recording_enabled": bool, "chat_enabled": bool},
    "metadata": dict,
    "status": "active",
    "started_at": OrNull(TIME),
    "ended_at": None,
    "created_at": TIME,
    "updated_at": TIME,
}
THE_ROOM = {**ROOM, "id": Kept("{room}")}
PARTICIPANT = {
    "id": UUID_TEXT,
    "room_id": Kept("{room}"),
    "external_user_id": OrNull(str),
    "display_name": str,
    "role": either("host", "participant"),
    "joined_at": OrNull(TIME),
    "left_at": OrNull(TIME),
    "created_at": TIME,
}
SEAT_TOKENS = {**TOKENS, "auth_token": JWT}
JOINED = {
    **SEAT_TOKENS,
    "participant": {**PARTICIPANT, "display_name": "Alice", "external_user_id": "user-42"},
    "room": {"id": Kept("{room}"), "name": "Algebra", "status": "active"},
    "room_created": False,
    "tenant_config": {
        "transcription_enabled": bool,
        "first_participant_is_host": bool,
        "force_recording": bool,
        "allow_early_join": bool,
    },
    "should_start_recording": bool,
}
RECORDING = {
    "id": UUID_TEXT,
    "room_id": Kept("{room}"),
    "status": either("recording", "processing", "ready", "archived", "failed"),
    "storage_provider": str,
    "duration_seconds": OrNull(float),
    "file_size_bytes": OrNull(int),
    "started_at": TIME,
    "stopped_at": OrNull(TIME),
    "error_message": OrNull(str),
    "created_at": TIME,
}
THE_RECORDING = {**RECORDING, "id": Kept("{recording}")}
TRANSCRIPT = {
    "id": Kept("{transcript}"),
    "recording_id": Kept("{recording}"),
    "room_id": Kept("{room}"),
    "transcript_text": str,
    "transcript_json": {"segments": Each({"start": float, "end": float, "text": str})},
    "language": OrNull(str),
    "duration_seconds": OrNull(float),
    "word_count": OrNull(int),
    "provider": str,
    "status": either("pending", "processing", "completed", "failed"),
    "error_message": OrNull(str),
    "created_at": TIME,
    "completed_at": OrNull(TIME),
}


def error(said: Shape = str) -> Shape:
    return {"error": said}


def refused(
    endpoint: str, shows: str, path: str, status: int, said: Shape = str, **more: Any
) -> Example:
    return Example(endpoint, shows, BASE + path, status=status, shape=error(said), **more)


def asked(endpoint: str, shows: str, path: str, shape: Shape, **more: Any) -> Example:
    return Example(endpoint, shows, BASE + path, shape=shape, **{"by": KEY, **more})
