"""Recordings, transcripts, and the socket."""

from __future__ import annotations

from tests.conformance.chalk.shapes import (
    GUEST,
    KEY,
    OTHERS_KEY,
    RECORDING,
    THE_RECORDING,
    TRANSCRIPT,
    UNKNOWN,
    asked,
    refused,
)
from tests.conformance.kit import NOBODY, Meanwhile
from tests.conformance.shapes import TIME, URL, UUID_TEXT, Each, Kept

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
