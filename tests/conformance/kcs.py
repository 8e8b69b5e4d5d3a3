"""The KCS guide: its 20 endpoints, every request it shows, every answer and every error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.kcs_shapes import (
    ANALYTICS,
    CHAT_MESSAGE,
    JOINED,
    LIVE_STATS,
    LIVE_STATS_IN_MEETING,
    MEETING,
    PARTICIPANT,
    PERMISSIONS_GIVEN,
    RECORDING,
    SYSTEM,
    WEBRTC,
)
from tests.conformance.kit import Credential, Dialect, Example, Meanwhile, Story
from tests.conformance.shapes import (
    EMPTY,
    NUMBER_TEXT,
    TIME,
    Each,
    Has,
    Kept,
    Shape,
    word_id,
)

BASE = "/api/meeting"
ENDPOINTS = (
    "POST /meeting",
    "GET /meeting",
    "GET /meeting/:meeting_id",
    "PUT /meeting/:meeting_id",
    "DELETE /meeting/:meeting_id",
    "POST /meeting/:meeting_id/start",
    "POST /meeting/:meeting_id/end",
    "POST /meeting/:meeting_id/join",
    "GET /meeting/:meeting_id/participants",
    "GET /meeting/:meeting_id/chat",
    "GET /meeting/:meeting_id/recordings",
    "GET /meeting/:meeting_id/analytics",
    "GET /meeting/:meeting_id/webrtc-config",
    "GET /meeting/:meeting_id/live-stats",
    "POST /meeting/:id/participants",
    "DELETE /meeting/:id/participants",
    "PATCH /meeting/:id/participants/:participant_id/role",
    "POST /meeting/:id/search-users",
    "GET /meeting/system/stats",
    "GET /meeting/participant/:participant_id?",
)


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

CHANGING = (
    asked(
        "PUT /meeting/:meeting_id",
        "Update Meeting",
        "/{meeting}",
        {
            "id": Kept("{meeting}"),
            "meeting_name": "Updated Meeting Name",
            "updated_at": TIME,
        },
        body={
            "meeting_name": "Updated Meeting Name",
            "meeting_description": "Daily team sync, now longer",
            "meeting_start_time": "2025-11-04T09:00:00Z",
            "meeting_end_time": "2025-11-04T10:00:00Z",
            "participants": ["user_001", "user_002", "user_003"],
            "meeting_meta_data": {"department": "Engineering", "floor": 2},
            "is_active": True,
        },
    ),
    asked(
        "PUT /meeting/:meeting_id",
        "Update Meeting: optimistic update of one field",
        "/meeting/{meeting}",
        {"id": Kept("{meeting}"), "meeting_name": "Team Standup", "updated_at": TIME},
        body={"meeting_name": "Team Standup"},
    ),
    refused(
        "PUT /meeting/:meeting_id",
        "403 only the creator",
        "/{meeting}",
        403,
        no(str, "ACCESS_DENIED"),
        by=MEMBER,
        body={"meeting_name": "Mine now"},
    ),
    refused(
        "PUT /meeting/:meeting_id",
        "400 INVALID_MEETING_TIME",
        "/{meeting}",
        400,
        no("Meeting end time must be after start time", "INVALID_MEETING_TIME"),
        body={
            "meeting_start_time": "2025-11-04T10:00:00Z",
            "meeting_end_time": "2025-11-04T09:00:00Z",
        },
    ),
    asked(
        "POST /meeting/:id/participants",
        "Add Participants: batch, by user ids",
        "/meeting/{meeting}/participants",
        {
            "added_count": 2,
            "participants": Has(
                {"user_id": "user_456", "role": "attendee"},
                each={
                    "user_id": str,
                    "participant_name": str,
                    "role": "attendee",
                    "invitation_sent": bool,
                },
            ),
        },
        body={
            "participants": [{"user_id": "user_456"}, {"user_id": "user_457"}],
            "send_invitation": True,
            "notify_existing_participants": True,
        },
        headers=limited(30),
    ),
    asked(
        "POST /meeting/:id/participants",
        "Add Participants: by e-mail, with every field",
        "/{meeting}/participants",
        {
            "added_count": 1,
            "participants": [
                {"participant_name": "Jane Smith", "role": "presenter", "invitation_sent": bool}
            ],
        },
        body={
            "participants": [
                {
                    "email": "jane@example.org",
                    "name": "Jane Smith",
                    "phone": "+49 30 1234567",
                    "role": "presenter",
                }
            ],
            "send_invitation": False,
            "invitation_message": "Do come",
            "participant_role": "attendee",
            "notify_existing_participants": False,
        },
    ),
    refused(
        "POST /meeting/:id/participants",
        "403 not a host",
        "/{meeting}/participants",
        403,
        no(str, "ACCESS_DENIED"),
        by=MEMBER,
        body={"participants": [{"user_id": "user_458"}]},
    ),
    refused(
        "POST /meeting/:id/participants",
        "400 nobody",
        "/{meeting}/participants",
        400,
        no(str),
        body={"participants": []},
    ),
    Example(
        "PUT /people",
        "People come into the campus directory",
        "/api/v1/people",
        by={"X-API-Key": "{key}"},
        body={
            "people": [
                {
                    "user_id": "user_789",
                    "name": "Alice Johnson",
                    "email": "alice@example.com",
                    "role": "teacher",
                    "department": "Science",
                }
            ]
        },
        shape={},
        extension=True,
    ),
    asked(
        "POST /meeting/:id/search-users",
        "Search Users to Add",
        "/{meeting}/search-users",
        {
            "users": [
                {
                    "user_id": "user_789",
                    "name": "Alice Johnson",
                    "email": "alice@example.com",
                    "role": "teacher",
                    "department": "Science",
                }
            ],
            "total": 1,
            "limit": 10,
        },
        body={
            "query": "alice",
            "exclude_current_participants": True,
            "limit": 10,
            "user_types": ["teacher"],
        },
    ),
    refused(
        "POST /meeting/:id/search-users",
        "403 not a host",
        "/{meeting}/search-users",
        403,
        no(str, "ACCESS_DENIED"),
        by=MEMBER,
        body={"query": "alice"},
    ),
)

MEETING_ON = (
    asked(
        "POST /meeting/:meeting_id/start",
        "Start Meeting",
        "/{meeting}/start",
        {
            "id": Kept("{meeting}"),
            "meeting_status": "live",
            "meeting_room_id": Kept("{meeting_room}"),
            "webrtc_config": {"ice_servers": WEBRTC["ice_servers"]},
        },
    ),
    asked(
        "POST /meeting/:meeting_id/join",
        "Join Meeting",
        "/{meeting}/join",
        {
            **JOINED,
            "meeting": {
                **JOINED["meeting"],
                "id": Kept("{meeting}"),
                "meeting_room_id": Kept("{meeting_room}"),
            },
            "participant": {
                **JOINED["participant"],
                "user_id": "user_001",
                "permissions": {
                    "can_share_screen": bool,
                    "can_use_chat": True,
                    "can_use_whiteboard": bool,
                    "is_moderator": False,
                    "is_host": False,
                },
            },
        },
        by=MEMBER,
        headers=limited(20),
        keep={"participant": "data.participant.id"},
    ),
    asked(
        "POST /meeting/:meeting_id/join",
        "Join Meeting: the host, by the join flow",
        "/meeting/{meeting}/join",
        {
            **JOINED,
            "participant": {
                **JOINED["participant"],
                "user_id": "user_123",
                "permissions": {
                    "can_share_screen": True,
                    "can_use_chat": True,
                    "can_use_whiteboard": bool,
                    "is_moderator": True,
                    "is_host": True,
                },
            },
        },
    ),
    refused(
        "POST /meeting/:meeting_id/join",
        "Access Denied",
        "/{meeting}/join",
        403,
        no("Access denied", "ACCESS_DENIED"),
        by=OUTSIDER,
    ),
    asked(
        "POST /meeting/:meeting_id/join",
        "Join Meeting: a small one, the first",
        "/{small_meeting}/join",
        JOINED,
    ),
    asked(
        "POST /meeting/:meeting_id/join",
        "Join Meeting: a small one, the second",
        "/{small_meeting}/join",
        JOINED,
        by=MEMBER,
    ),
    refused(
        "POST /meeting/:meeting_id/join",
        "Meeting Full",
        "/{small_meeting}/join",
        409,
        no("Meeting is full", "MEETING_FULL"),
        by=OTHER,
    ),
    asked(
        "GET /meeting/:meeting_id/participants",
        "Get Meeting Participants",
        "/{meeting}/participants",
        Has(
            {
                "user_id": "user_123",
                "participant_name": "John Doe",
                "permissions": {"is_host": True, "is_moderator": True},
            },
            each=PARTICIPANT,
        ),
        by=MEMBER,
    ),
    refused(
        "GET /meeting/:meeting_id/participants",
        "403",
        "/{meeting}/participants",
        403,
        DENIED,
        by=OUTSIDER,
    ),
    asked(
        "PATCH /meeting/:id/participants/:participant_id/role",
        "Update Participant Role",
        "/{meeting}/participants/{participant}/role",
        {
            "participant_id": Kept("{participant}"),
            "new_role": "co_host",
            "permissions": dict.fromkeys(PERMISSIONS_GIVEN, True),
        },
        body={
            "new_role": "co_host",
            "permissions": dict.fromkeys(PERMISSIONS_GIVEN, True),
            "notify_participant": True,
            "notify_others": True,
        },
    ),
    asked(
        "PATCH /meeting/:id/participants/:participant_id/role",
        "Update Participant Role: permissions by the role",
        "/{meeting}/participants/{participant}/role",
        {
            "participant_id": Kept("{participant}"),
            "new_role": "attendee",
            "permissions": PERMISSIONS_GIVEN,
        },
        body={"new_role": "attendee"},
    ),
    refused(
        "PATCH /meeting/:id/participants/:participant_id/role",
        "403 not the host",
        "/{meeting}/participants/{participant}/role",
        403,
        no(str, "ACCESS_DENIED"),
        by=MEMBER,
        body={"new_role": "host"},
    ),
    Example(
        "POST /meeting/:id/chat",
        "Somebody says hello",
        BASE + "/{meeting}/chat",
        by=HOST,
        body={"message": "Hello everyone!"},
        shape=done(dict),
        extension=True,
    ),
    asked(
        "GET /meeting/:meeting_id/chat",
        "Get Meeting Chat History",
        "/{meeting}/chat",
        [
            {
                **CHAT_MESSAGE,
                "meeting_id": Kept("{meeting}"),
                "sender_id": "user_123",
                "sender_name": "John Doe",
                "message": "Hello everyone!",
                "message_type": "text",
                "recipient_type": "all",
                "is_deleted": False,
            }
        ],
        by=MEMBER,
    ),
    refused("GET /meeting/:meeting_id/chat", "403", "/{meeting}/chat", 403, DENIED, by=OUTSIDER),
    asked(
        "GET /meeting/:meeting_id/webrtc-config",
        "Get WebRTC Configuration",
        "/{meeting}/webrtc-config",
        {"meeting_id": Kept("{meeting}"), "webrtc_config": WEBRTC},
        by=MEMBER,
    ),
    refused(
        "GET /meeting/:meeting_id/webrtc-config",
        "403",
        "/{meeting}/webrtc-config",
        403,
        DENIED,
        by=OUTSIDER,
    ),
    asked(
        "GET /meeting/:meeting_id/live-stats",
        "Get Live Meeting Statistics",
        "/meeting/{meeting}/live-stats",
        {**LIVE_STATS, "meeting_id": Kept("{meeting}")},
        by=MEMBER,
    ),
    refused(
        "GET /meeting/:meeting_id/live-stats",
        "403",
        "/{meeting}/live-stats",
        403,
        DENIED,
        by=OUTSIDER,
    ),
)

RECORDING_IT = (
    Example(
        "POST /meeting/:id/recording/start",
        "UNAUTHORIZED_RECORDING",
        BASE + "/{meeting}/recording/start",
        by=MEMBER,
        status=403,
        shape=no("Only hosts and moderators can control recording", "UNAUTHORIZED_RECORDING"),
        extension=True,
    ),
    Example(
        "POST /meeting/:id/recording/start",
        "A host records",
        BASE + "/{meeting}/recording/start",
        by=HOST,
        shape=done(dict),
        extension=True,
    ),
    Meanwhile(
        "Somebody speaks",
        lambda stage, kept: stage.spoke(kept["key"], kept["meeting"], as_="user_123"),
    ),
    Example(
        "POST /meeting/:id/recording/stop",
        "And stops recording",
        BASE + "/{meeting}/recording/stop",
        by=HOST,
        shape=done({"recording_id": str}),
        keep={"meeting_recording": "data.recording_id"},
        extension=True,
    ),
    Meanwhile(
        "It is stored", lambda stage, kept: stage.stored(kept["key"], kept["meeting_recording"])
    ),
    asked(
        "GET /meeting/:meeting_id/recordings",
        "Get Meeting Recordings",
        "/{meeting}/recordings",
        [{**RECORDING, "meeting_id": Kept("{meeting}"), "is_available": True}],
        by=MEMBER,
    ),
    refused(
        "GET /meeting/:meeting_id/recordings",
        "403",
        "/{meeting}/recordings",
        403,
        DENIED,
        by=OUTSIDER,
    ),
)

AFTERWARDS = (
    asked(
        "DELETE /meeting/:id/participants",
        "Remove Participants",
        "/{meeting}/participants",
        {"removed_count": 1, "participants_removed": [Kept("{participant}")]},
        body={
            "participant_ids": ["{participant}"],
            "notify_removed_participants": True,
            "notify_existing_participants": True,
            "reason": "Wrong meeting",
        },
    ),
    refused(
        "DELETE /meeting/:id/participants",
        "403 not a host",
        "/{meeting}/participants",
        403,
        no(str, "ACCESS_DENIED"),
        by=OTHER,
        body={"participant_ids": ["{participant}"]},
    ),
    asked(
        "POST /meeting/:meeting_id/end",
        "End Meeting",
        "/{meeting}/end",
        {
            "id": Kept("{meeting}"),
            "meeting_status": "ended",
            "analytics": {
                "total_duration_minutes": int,
                "peak_participants": int,
                "total_participants_joined": int,
            },
        },
    ),
    refused(
        "POST /meeting/:meeting_id/join",
        "Meeting Ended",
        "/{meeting}/join",
        410,
        no("Meeting has ended", "MEETING_ENDED"),
        by=OTHER,
    ),
    asked(
        "GET /meeting/:meeting_id/analytics",
        "Get Meeting Analytics",
        "/{meeting}/analytics",
        {
            "meeting_id": Kept("{meeting}"),
            "analytics": {**ANALYTICS, "chat_messages_count": 1},
            "participant_analytics": Each(
                {
                    "user_id": str,
                    "participant_name": str,
                    "total_time_minutes": int,
                    "connection_quality_avg": float,
                    "messages_sent": int,
                    "screen_shares": int,
                }
            ),
        },
    ),
    refused(
        "GET /meeting/:meeting_id/analytics",
        "403",
        "/{meeting}/analytics",
        403,
        DENIED,
        by=OUTSIDER,
    ),
    refused(
        "DELETE /meeting/:meeting_id",
        "403 only the creator",
        "/{spare_meeting}",
        403,
        no(str, "ACCESS_DENIED"),
        by=MEMBER,
    ),
    asked(
        "DELETE /meeting/:meeting_id",
        "Delete Meeting",
        "/{spare_meeting}",
        {"id": Kept("{spare_meeting}"), "is_deleted": True, "updated_at": TIME},
    ),
    refused("DELETE /meeting/:meeting_id", "404", "/{spare_meeting}", 404, NOT_FOUND),
    asked("GET /meeting/system/stats", "Get System Statistics", "/system/stats", SYSTEM, by=ADMIN),
    refused(
        "GET /meeting/system/stats",
        "403 admin only",
        "/system/stats",
        403,
        no(str, "ACCESS_DENIED"),
    ),
)

SLOW_DOWN = no("Rate limit exceeded. Please slow down.", "RATE_LIMIT_EXCEEDED")
TOO_MUCH = {**COUNTED, "X-RateLimit-Remaining": "0", "Retry-After": NUMBER_TEXT}
LIMITS = (
    refused(
        "POST /meeting",
        "429 after 10 requests",
        "",
        429,
        SLOW_DOWN,
        by=HASTY,
        body={**BARE, "participants": []},
        headers={"X-RateLimit-Limit": "10", **TOO_MUCH},
        within=22,
    ),
    refused(
        "POST /meeting/:meeting_id/join",
        "429 after 20 requests",
        "/{meeting}/join",
        429,
        SLOW_DOWN,
        by=HASTY,
        headers={"X-RateLimit-Limit": "20", **TOO_MUCH},
        within=42,
    ),
)

STORY: Story = (
    *(token_of(name) for name in PEOPLE),
    *CREATING,
    *READING,
    *CHANGING,
    *MEETING_ON,
    *RECORDING_IT,
    *AFTERWARDS,
    *LIMITS,
)
KCS = Dialect("kcs", ENDPOINTS, STORY)
