"""Meetings made and found."""

from __future__ import annotations

from tests.conformance.kcs.asking import (
    ADMIN,
    BARE,
    DENIED,
    MEMBER,
    NOT_FOUND,
    OUTSIDER,
    REQUIRED,
    SIGN_IN,
    STANDUP,
    asked,
    limited,
    no,
    refused,
)
from tests.conformance.kcs.shapes import ANALYTICS, LIVE_STATS_IN_MEETING, MEETING
from tests.conformance.shapes import EMPTY, TIME, Each, Has, Kept, word_id

CREATING = (
    asked(
        "POST /meeting",
        "Create Meeting: team standup",
        "/meeting",
        {
            **MEETING,
            "meeting_name": "Team Standup",
            "meeting_type": "scheduled",
            "meeting_status": "scheduled",
            "max_participants": 50,
            "waiting_room_enabled": False,
            "require_host_approval": False,
            "features": {**MEETING["features"], "recording_enabled": True},
        },
        beside={"message": "Scheduled meeting created successfully"},
        body=STANDUP,
        headers=limited(10),
        keep={"meeting": "data.id", "meeting_room": "data.meeting_room_id"},
    ),
    asked(
        "POST /meeting",
        "Create Meeting: the required fields alone",
        "",
        {
            **MEETING,
            "creator_id": "user_123",
            "campus_id": Kept("{tenant}"),
            "meeting_type": "scheduled",
            "max_participants": 100,
            "current_participants": Each(str),
            "features": {
                "video_enabled": True,
                "audio_enabled": True,
                "screen_sharing_enabled": True,
                "chat_enabled": True,
                "recording_enabled": False,
                "breakout_rooms_enabled": False,
                "whiteboard_enabled": False,
                "hand_raise_enabled": True,
            },
        },
        body=BARE,
        keep={"spare_meeting": "data.id"},
    ),
    asked(
        "POST /meeting",
        "Create Meeting: every optional field, instant",
        "",
        {
            **MEETING,
            "meeting_type": "instant",
            "meeting_status": "live",
            "max_participants": 2,
            "features": dict.fromkeys(MEETING["features"], True),
        },
        beside={"message": "Instant meeting created successfully"},
        body={
            **BARE,
            "meeting_type": "instant",
            "max_participants": 2,
            "waiting_room_enabled": False,
            "require_host_approval": False,
            "features": dict.fromkeys(MEETING["features"], True),
            "recording_config": {
                "auto_record": False,
                "record_video": True,
                "record_audio": True,
                "record_chat": False,
                "storage_location": "cloud",
                "retention_days": 30,
            },
        },
        keep={"small_meeting": "data.id"},
    ),
    refused(
        "POST /meeting",
        "400 INVALID_MEETING_TIME",
        "",
        400,
        no("Meeting end time must be after start time", "INVALID_MEETING_TIME"),
        body={**BARE, "meeting_end_time": BARE["meeting_start_time"]},
    ),
    *(
        refused(
            "POST /meeting",
            f"400 without {missing}",
            "",
            400,
            no(str),
            by=ADMIN,
            body={name: value for name, value in BARE.items() if name != missing},
        )
        for missing in REQUIRED
    ),
    refused("POST /meeting", "401", "", 401, SIGN_IN, by={}, body=STANDUP),
)

READING = (
    asked(
        "GET /meeting",
        "Get All Meetings",
        "",
        Has(
            {"id": Kept("{meeting}"), "meeting_name": "Team Standup"},
            each={
                "id": word_id("meeting"),
                "meeting_name": str,
                "meeting_status": str,
                "meeting_start_time": TIME,
                "current_participants": Each(str),
                "max_participants": int,
            },
        ),
        beside={"count": 3},
        headers=limited(100),
    ),
    asked(
        "GET /meeting",
        "Get All Meetings: as a participant",
        "",
        Has({"id": Kept("{meeting}")}, each={"id": word_id("meeting")}),
        beside={"count": 3},
        by=MEMBER,
    ),
    asked("GET /meeting", "Get All Meetings: none", "", EMPTY, beside={"count": 0}, by=OUTSIDER),
    refused("GET /meeting", "401", "", 401, SIGN_IN, by={}),
    asked(
        "GET /meeting/participant/:participant_id?",
        "Meetings for participant",
        "/participant/user_001",
        Has({"id": Kept("{meeting}")}, each={"id": word_id("meeting"), "meeting_name": str}),
        beside={"count": 3},
        by=MEMBER,
    ),
    asked(
        "GET /meeting/participant/:participant_id?",
        "Meetings for participant: without the id",
        "/participant",
        Has({"id": Kept("{meeting}")}, each={"id": word_id("meeting"), "meeting_name": str}),
        beside={"count": 3},
        by=MEMBER,
    ),
    asked(
        "GET /meeting/:meeting_id",
        "Get Meeting by ID",
        "/{meeting}",
        {
            "id": Kept("{meeting}"),
            "meeting_name": "Team Standup",
            "meeting_status": "scheduled",
            "current_participants": Each(str),
            "analytics": ANALYTICS,
            "liveStats": LIVE_STATS_IN_MEETING,
        },
        by=MEMBER,
    ),
    refused("GET /meeting/:meeting_id", "403 Forbidden", "/{meeting}", 403, DENIED, by=OUTSIDER),
    refused("GET /meeting/:meeting_id", "404 Not Found", "/meeting/abc123", 404, NOT_FOUND),
    refused("GET /meeting/:meeting_id", "401", "/meeting/abc123", 401, SIGN_IN, by={}),
)
