"""A meeting that is on."""

from __future__ import annotations

from tests.conformance.kcs.asking import (
    BASE,
    DENIED,
    HOST,
    MEMBER,
    OTHER,
    OUTSIDER,
    asked,
    done,
    limited,
    no,
    refused,
)
from tests.conformance.kcs.shapes import (
    CHAT_MESSAGE,
    JOINED,
    LIVE_STATS,
    PARTICIPANT,
    PERMISSIONS_GIVEN,
    WEBRTC,
)
from tests.conformance.kit import Example
from tests.conformance.shapes import Has, Kept

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
