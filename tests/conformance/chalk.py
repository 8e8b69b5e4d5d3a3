"""Chalk's reference: its 33 endpoints, the bodies its clients send, and what they read."""

from __future__ import annotations

from typing import Any

from tests.conformance.kit import NOBODY, Credential, Dialect, Example, Meanwhile
from tests.conformance.shapes import (
    JWT,
    NOT_THERE,
    TIME,
    URL,
    UUID_TEXT,
    Each,
    Has,
    Kept,
    OrNull,
    Shape,
    either,
    matching,
)

BASE = "/api/v1"
ENDPOINTS = (
    "POST /tenants",
    "GET /tenants/:id",
    "PATCH /tenants/:id",
    "DELETE /tenants/:id",
    "POST /tenants/:id/rotate-key",
    "PATCH /tenants/:id/config",
    "POST /auth/token",
    "POST /auth/refresh",
    "POST /rooms",
    "GET /rooms",
    "GET /rooms/:id",
    "PATCH /rooms/:id",
    "DELETE /rooms/:id",
    "POST /rooms/:id/end",
    "POST /rooms/:id/participants",
    "GET /rooms/:id/participants",
    "DELETE /rooms/:id/participants/:pid",
    "POST /rooms/:id/participants/:pid/token",
    "POST /rooms/:id/participants/bulk",
    "POST /rooms/:id/recordings/start",
    "POST /rooms/:id/recordings/stop",
    "POST /rooms/:id/recordings/sync",
    "GET /recordings",
    "GET /recordings/:id",
    "GET /recordings/:id/download",
    "POST /recordings/:id/archive",
    "POST /recordings/:id/recover",
    "DELETE /recordings/:id",
    "POST /recordings/:id/transcribe",
    "GET /recordings/:id/transcript",
    "GET /transcription/:id",
    "GET /transcription/providers",
    "GET /ws",
)

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


TENANTS = (
    asked(
        "POST /tenants",
        "Create tenant",
        "/tenants",
        {**TENANT, "api_key": API_KEY},
        by=OPERATOR,
        body={"name": "Acme School"},
        status=201,
        keep={"tenant": "id", "key": "api_key"},
    ),
    asked(
        "POST /tenants",
        "Create tenant with limits",
        "/tenants",
        {
            "id": UUID_TEXT,
            "api_key": API_KEY,
            "max_concurrent_rooms": 5,
            "max_participants_per_room": 8,
            "max_recording_duration_minutes": 60,
        },
        by=OPERATOR,
        body={
            "name": "Other School",
            "max_concurrent_rooms": 5,
            "max_participants_per_room": 8,
            "max_recording_duration_minutes": 60,
        },
        status=201,
        keep={"other": "id", "other_key": "api_key"},
    ),
    refused("POST /tenants", "400", "/tenants", 400, by=OPERATOR, body={}),
    refused("POST /tenants", "401", "/tenants", 401, "missing API key", body={"name": "X"}),
    asked("GET /tenants/:id", "Get tenant", "/tenants/{tenant}", {**TENANT, "api_key": NOT_THERE}),
    refused("GET /tenants/:id", "400", "/tenants/not-an-id", 400, by=KEY),
    refused("GET /tenants/:id", "401", "/tenants/{tenant}", 401, "missing API key"),
    refused(
        "GET /tenants/:id",
        "403 other tenant",
        "/tenants/{other}",
        403,
        "access denied: tenant mismatch",
        by=KEY,
    ),
    asked(
        "PATCH /tenants/:id",
        "Update tenant",
        "/tenants/{tenant}",
        {**TENANT, "max_concurrent_rooms": 50},
        body={"max_concurrent_rooms": 50},
    ),
    refused(
        "PATCH /tenants/:id", "400", "/tenants/{tenant}", 400, by=KEY, body={"name": ["no text"]}
    ),
    asked(
        "PATCH /tenants/:id/config",
        "Update config, merged",
        "/tenants/{tenant}/config",
        {
            **TENANT,
            "max_concurrent_rooms": 50,
            "config": {**CONFIG, "allowed_origins": ["https://app.example.org"]},
            "tenant_config": {**CONFIG, "transcription_keywords": ["polynomial"]},
        },
        body={
            "allowed_origins": ["https://app.example.org"],
            "transcription_keywords": ["polynomial"],
            "empty_room_timeout_minutes": 30,
        },
    ),
    refused(
        "PATCH /tenants/:id/config",
        "400 wildcard origin",
        "/tenants/{tenant}/config",
        400,
        by=KEY,
        body={"allowed_origins": ["https://*.example.org"]},
    ),
    refused(
        "PATCH /tenants/:id/config",
        "400 more than 20 origins",
        "/tenants/{tenant}/config",
        400,
        by=KEY,
        body={"allowed_origins": [f"https://app{n}.example.org" for n in range(21)]},
    ),
)

AUTH = (
    asked(
        "POST /auth/token",
        "Exchange API key for JWT",
        "/auth/token",
        TOKENS,
        by=NOBODY,
        body={"api_key": "{key}"},
        keep={"token": "access_token", "refresh": "refresh_token"},
    ),
    refused("POST /auth/token", "400", "/auth/token", 400, body={}),
    refused("POST /auth/token", "401", "/auth/token", 401, body={"api_key": "chalk_abc123..."}),
    asked(
        "POST /auth/refresh",
        "Refresh JWT tokens",
        "/auth/refresh",
        TOKENS,
        by=NOBODY,
        body={"refresh_token": "{refresh}"},
    ),
    refused("POST /auth/refresh", "400", "/auth/refresh", 400, body={}),
    refused(
        "POST /auth/refresh",
        "401 an access token does not refresh",
        "/auth/refresh",
        401,
        body={"refresh_token": "{token}"},
    ),
)

ROOMS = (
    asked(
        "POST /rooms",
        "Create room",
        "/rooms",
        {
            **ROOM,
            "name": "Algebra",
            "config": {"max_participants": 4, "recording_enabled": True, "chat_enabled": True},
        },
        body={
            "name": "Algebra",
            "config": {"max_participants": 4, "recording_enabled": True, "chat_enabled": True},
        },
        status=201,
        keep={"room": "id"},
    ),
    asked(
        "POST /rooms",
        "Create room, all defaults, with a JWT",
        "/rooms",
        {
            **ROOM,
            "config": {"max_participants": 10, "recording_enabled": True, "chat_enabled": True},
        },
        by=TOKEN,
        body={},
        status=201,
        keep={"spare_room": "id"},
    ),
    refused("POST /rooms", "400", "/rooms", 400, by=KEY, body={"config": "large"}),
    refused("POST /rooms", "401", "/rooms", 401, body={"name": "Algebra"}),
    asked(
        "GET /rooms",
        "List rooms",
        "/rooms?limit=20&offset=0",
        {"rooms": Has(THE_ROOM, each=ROOM), "total": 2, "limit": 20, "offset": 0},
    ),
    asked(
        "GET /rooms",
        "List rooms, 20 unless asked otherwise, with the key as a bearer token",
        "/rooms",
        {"rooms": [ROOM], "total": 2, "limit": 20, "offset": 0},
        by=KEY_AS_BEARER,
    ),
    refused("GET /rooms", "401", "/rooms", 401, by=WRONG_KEY),
    asked("GET /rooms/:id", "Get room", "/rooms/{room}", {**THE_ROOM, "participant_count": 0}),
    refused("GET /rooms/:id", "400", "/rooms/not-an-id", 400, by=KEY),
    refused("GET /rooms/:id", "401", "/rooms/{room}", 401),
    refused("GET /rooms/:id", "404", f"/rooms/{UNKNOWN}", 404, by=KEY),
    refused("GET /rooms/:id", "404 other tenant", "/rooms/{room}", 404, by=OTHERS_KEY),
    asked(
        "PATCH /rooms/:id",
        "Update room",
        "/rooms/{room}",
        {
            **THE_ROOM,
            "name": "Algebra",
            "config": {"max_participants": 5, "recording_enabled": True, "chat_enabled": True},
        },
        body={"name": "Algebra", "config": {"max_participants": 5}},
    ),
    refused("PATCH /rooms/:id", "404", f"/rooms/{UNKNOWN}", 404, by=KEY, body={"name": "X"}),
)

PARTICIPANTS = (
    asked(
        "POST /rooms/:id/participants",
        "Add participant",
        "/rooms/{room}/participants",
        JOINED,
        body={"display_name": "Alice", "external_user_id": "user-42", "role": "host"},
        status=201,
        keep={"alice": "participant.id"},
    ),
    asked(
        "POST /rooms/:id/participants",
        "Add participant, room by its name",
        "/rooms/Algebra/participants",
        {**SEAT_TOKENS, "participant": {**PARTICIPANT, "role": "participant"}},
        body={"display_name": "Bob"},
        status=201,
        keep={"guest": "participant.id", "guest_token": "access_token"},
    ),
    refused(
        "POST /rooms/:id/participants",
        "400 no name",
        "/rooms/{room}/participants",
        400,
        by=KEY,
        body={},
    ),
    refused(
        "POST /rooms/:id/participants",
        "409 there already",
        "/rooms/{room}/participants",
        409,
        by=KEY,
        body={"display_name": "Alice", "external_user_id": "user-42"},
    ),
    refused(
        "POST /rooms/:id/participants",
        "404",
        f"/rooms/{UNKNOWN}/participants",
        404,
        by=KEY,
        body={"display_name": "Alice"},
    ),
    asked(
        "GET /rooms/:id/participants",
        "List participants",
        "/rooms/{room}/participants",
        {"participants": Has({**PARTICIPANT, "id": Kept("{alice}")}, each=PARTICIPANT)},
    ),
    asked(
        "GET /rooms/:id/participants",
        "List who is in the room",
        "/rooms/{room}/participants?active=true",
        {"participants": Each(PARTICIPANT)},
    ),
    asked(
        "POST /rooms/:id/participants/:pid/token",
        "Refresh token",
        "/rooms/{room}/participants/{guest}/token",
        SEAT_TOKENS,
        body={},
        keep={"guest_token": "access_token"},
    ),
    refused(
        "POST /rooms/:id/participants/:pid/token",
        "404",
        f"/rooms/{{room}}/participants/{UNKNOWN}/token",
        404,
        by=KEY,
    ),
    asked(
        "POST /rooms/:id/participants/bulk",
        "Bulk add participants, each by itself",
        "/rooms/{room}/participants/bulk",
        {
            "results": Has(
                {
                    "participant_id": UUID_TEXT,
                    "external_user_id": "user-43",
                    "display_name": "Carol",
                    "success": True,
                    "access_token": JWT,
                    "auth_token": JWT,
                },
                each={"success": bool, "external_user_id": OrNull(str), "display_name": str},
            ),
        },
        body={
            "participants": [
                {"display_name": "Carol", "external_user_id": "user-43"},
                {"display_name": "Alice", "external_user_id": "user-42"},
            ]
        },
        keep={"carol": "results.0.participant_id"},
    ),
    refused(
        "POST /rooms/:id/participants/bulk",
        "400 nobody",
        "/rooms/{room}/participants/bulk",
        400,
        by=KEY,
        body={"participants": []},
    ),
    asked(
        "POST /rooms/:id/participants/bulk",
        "Bulk add participants until the room is full",
        "/rooms/{room}/participants/bulk",
        {"results": Has({"success": False, "error": str}, each={"success": bool})},
        body={"participants": [{"display_name": f"Guest {n}"} for n in range(4)]},
    ),
    refused(
        "POST /rooms/:id/participants",
        "409 full",
        "/rooms/{room}/participants",
        409,
        by=KEY,
        body={"display_name": "Dave"},
    ),
    Example(
        "DELETE /rooms/:id/participants/:pid",
        "Remove participant",
        BASE + "/rooms/{room}/participants/{carol}",
        by=KEY,
        status=204,
    ),
    refused(
        "DELETE /rooms/:id/participants/:pid",
        "403 guest",
        "/rooms/{room}/participants/{alice}",
        403,
        "host role required",
        by=GUEST,
    ),
    refused(
        "DELETE /rooms/:id/participants/:pid",
        "404",
        f"/rooms/{{room}}/participants/{UNKNOWN}",
        404,
        by=KEY,
    ),
)

RECORDINGS = (
    asked(
        "POST /rooms/:id/recordings/start",
        "Start recording",
        "/rooms/{room}/recordings/start",
        {**RECORDING, "status": "recording"},
        body={},
        status=201,
        keep={"recording": "id"},
    ),
    refused(
        "POST /rooms/:id/recordings/start",
        "403 guest",
        "/rooms/{room}/recordings/start",
        403,
        "host role required",
        by=GUEST,
        body={},
    ),
    refused(
        "POST /rooms/:id/recordings/start",
        "409 recording already",
        "/rooms/{room}/recordings/start",
        409,
        "recording already in progress",
        by=KEY,
        body={},
    ),
    refused(
        "POST /recordings/:id/archive",
        "400 not ready",
        "/recordings/{recording}/archive",
        400,
        "recording must be ready and stored in R2",
        by=KEY,
    ),
    Meanwhile("Somebody speaks", lambda stage, kept: stage.spoke(kept["key"], kept["room"])),
    asked(
        "POST /rooms/:id/recordings/stop",
        "Stop recording",
        "/rooms/{room}/recordings/stop",
        {**THE_RECORDING, "status": "processing", "stopped_at": TIME},
    ),
    asked(
        "POST /recordings/:id/recover",
        "Recover recording",
        "/recordings/{recording}/recover",
        {"message": str, "recording_id": Kept("{recording}")},
        status=202,
    ),
    asked(
        "GET /recordings/:id/download",
        "Get download URL, while processing",
        "/recordings/{recording}/download",
        {"recording_id": Kept("{recording}"), "status": str, "message": str},
    ),
    refused(
        "POST /rooms/:id/recordings/stop",
        "404 none active",
        "/rooms/{room}/recordings/stop",
        404,
        "no active recording found",
        by=KEY,
    ),
    Meanwhile("It is stored", lambda stage, kept: stage.stored(kept["key"], kept["recording"])),
    asked(
        "POST /rooms/:id/recordings/sync",
        "Sync",
        "/rooms/{room}/recordings/sync",
        {
            "message": "sync completed",
            "synced": int,
            "synced_count": int,
            "existing": int,
            "errors": Each(str),
            "recordings": Each(RECORDING),
        },
    ),
    refused(
        "POST /rooms/:id/recordings/sync", "404", f"/rooms/{UNKNOWN}/recordings/sync", 404, by=KEY
    ),
    asked(
        "GET /recordings",
        "List recordings",
        "/recordings?limit=20&offset=0",
        {"recordings": [RECORDING], "total": int, "limit": 20, "offset": 0},
    ),
    refused("GET /recordings", "401", "/recordings", 401),
    asked(
        "GET /recordings/:id",
        "Get recording",
        "/recordings/{recording}",
        {
            **THE_RECORDING,
            "status": "ready",
            "room_name": "Algebra",
            "tenant_id": Kept("{tenant}"),
            "duration_seconds": float,
            "file_size_bytes": int,
        },
    ),
    refused("GET /recordings/:id", "400", "/recordings/not-an-id", 400, by=KEY),
    refused("GET /recordings/:id", "404", f"/recordings/{UNKNOWN}", 404, by=KEY),
    refused(
        "GET /recordings/:id", "404 other tenant", "/recordings/{recording}", 404, by=OTHERS_KEY
    ),
    asked(
        "GET /recordings/:id/download",
        "Get download URL",
        "/recordings/{recording}/download",
        {
            "recording_id": Kept("{recording}"),
            "download_url": URL,
            "status": "ready",
            "duration": float,
            "file_size": int,
            "provider": str,
        },
    ),
    refused(
        "POST /recordings/:id/recover",
        "400 not processing",
        "/recordings/{recording}/recover",
        400,
        by=KEY,
    ),
    asked(
        "POST /recordings/:id/transcribe",
        "Queue transcription",
        "/recordings/{recording}/transcribe",
        {"transcript_id": UUID_TEXT, "status": "pending"},
        body={"room_id": "{room}"},
        status=202,
        keep={"transcript": "transcript_id"},
    ),
    refused(
        "POST /recordings/:id/transcribe",
        "400 unknown provider",
        "/recordings/{recording}/transcribe",
        400,
        by=KEY,
        body={"room_id": "{room}", "provider": "nobody"},
    ),
    refused(
        "POST /recordings/:id/transcribe",
        "404",
        f"/recordings/{UNKNOWN}/transcribe",
        404,
        by=KEY,
        body={"room_id": "{room}"},
    ),
    asked(
        "GET /recordings/:id/transcript",
        "Get transcript",
        "/recordings/{recording}/transcript",
        TRANSCRIPT,
    ),
    refused(
        "GET /recordings/:id/transcript", "404", f"/recordings/{UNKNOWN}/transcript", 404, by=KEY
    ),
    asked(
        "GET /transcription/:id", "Get transcript by ID", "/transcription/{transcript}", TRANSCRIPT
    ),
    refused("GET /transcription/:id", "404", f"/transcription/{UNKNOWN}", 404, by=KEY),
    asked(
        "GET /transcription/providers",
        "List providers",
        "/transcription/providers",
        {
            "providers": [
                {"id": str, "name": str, "available": bool, "byok_supported": bool},
            ],
            "default_provider": str,
        },
        by=NOBODY,
    ),
    asked(
        "POST /recordings/:id/archive",
        "Archive recording",
        "/recordings/{recording}/archive",
        {"message": str, "id": Kept("{recording}"), "status": "archived"},
    ),
    asked(
        "DELETE /recordings/:id",
        "Delete recording",
        "/recordings/{recording}",
        {"message": str, "id": Kept("{recording}")},
    ),
    refused("DELETE /recordings/:id", "404", f"/recordings/{UNKNOWN}", 404, by=KEY),
)

SOCKET = (
    Meanwhile(
        "WebSocket connection",
        lambda stage, kept: stage.connected(kept["guest_token"]),
        endpoint="GET /ws",
    ),
    refused("GET /ws", "401", "/ws", 401),
)

ENDINGS = (
    asked(
        "POST /rooms/:id/end",
        "End room",
        "/rooms/{room}/end",
        {**THE_ROOM, "status": "ended", "ended_at": TIME},
    ),
    refused("POST /rooms/:id/end", "409 ended already", "/rooms/{room}/end", 409, by=KEY),
    refused("POST /rooms/:id/end", "404", f"/rooms/{UNKNOWN}/end", 404, by=KEY),
    Example("DELETE /rooms/:id", "Delete room", BASE + "/rooms/{spare_room}", by=KEY, status=204),
    refused("DELETE /rooms/:id", "404", f"/rooms/{UNKNOWN}", 404, by=KEY),
    asked(
        "POST /tenants/:id/rotate-key",
        "Rotate API key",
        "/tenants/{other}/rotate-key",
        {"api_key": API_KEY},
        by=OTHERS_KEY,
        body={},
        keep={"other_key": "api_key"},
    ),
    refused(
        "POST /tenants/:id/rotate-key",
        "403 other tenant",
        "/tenants/{tenant}/rotate-key",
        403,
        "access denied: tenant mismatch",
        by=OTHERS_KEY,
        body={},
    ),
    Example(
        "DELETE /tenants/:id",
        "Delete tenant",
        BASE + "/tenants/{other}",
        by=OTHERS_KEY,
        status=204,
    ),
    refused("DELETE /tenants/:id", "401", "/tenants/{tenant}", 401),
)

CHALK = Dialect(
    "chalk",
    ENDPOINTS,
    (*TENANTS, *AUTH, *ROOMS, *PARTICIPANTS, *RECORDINGS, *SOCKET, *ENDINGS),
)
