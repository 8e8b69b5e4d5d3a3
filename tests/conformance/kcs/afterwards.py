"""What is left of a meeting, and limits."""

from __future__ import annotations

from tests.conformance.kcs.asking import (
    ADMIN,
    BARE,
    BASE,
    COUNTED,
    DENIED,
    HASTY,
    HOST,
    MEMBER,
    NOT_FOUND,
    OTHER,
    OUTSIDER,
    asked,
    done,
    no,
    refused,
)
from tests.conformance.kcs.shapes import ANALYTICS, RECORDING, SYSTEM
from tests.conformance.kit import Example, Meanwhile
from tests.conformance.shapes import NUMBER_TEXT, TIME, Each, Kept

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
