"""What the KCS guide's answers are made of."""

from __future__ import annotations

from typing import Any

from tests.conformance.shapes import TIME, Each, OrNull, either, matching, word_id

FEATURES = {
    "video_enabled": bool,
    "audio_enabled": bool,
    "screen_sharing_enabled": bool,
    "chat_enabled": bool,
    "recording_enabled": bool,
    "breakout_rooms_enabled": bool,
    "whiteboard_enabled": bool,
    "hand_raise_enabled": bool,
}
WEBRTC: dict[str, Any] = {
    # A deployment without STUN and TURN names none: never a third party's.
    "ice_servers": Each({"urls": [str]}),
    "media_constraints": {
        "video": {"enabled": bool, "quality": str, "frameRate": int},
        "audio": {"enabled": bool, "noise_suppression": bool, "echo_cancellation": bool},
    },
}
MEETING: dict[str, Any] = {
    "id": word_id("meeting"),
    "campus_id": str,
    "creator_id": str,
    "meeting_name": str,
    "meeting_room_id": word_id("room"),
    "meeting_type": either("scheduled", "instant", "recurring"),
    "meeting_status": either("scheduled", "live", "ended", "cancelled"),
    "max_participants": int,
    "current_participants": Each(str),
    "waiting_room_enabled": bool,
    "require_host_approval": bool,
    "features": FEATURES,
    "webrtc_config": WEBRTC,
    "created_at": TIME,
    "updated_at": TIME,
}
ANALYTICS = {
    "total_duration_minutes": int,
    "peak_participants": int,
    "total_participants_joined": int,
    "connection_quality_avg": float,
    "chat_messages_count": int,
    "screen_shares_count": int,
}
BITRATE = {"incoming": int, "outgoing": int}
LIVE_STATS_IN_MEETING = {
    "activeParticipants": int,
    "producers": int,
    "consumers": int,
    "bitrate": BITRATE,
}
LIVE_STATS = {
    "meeting_id": str,
    "timestamp": TIME,
    "active_participants": int,
    "producers": int,
    "consumers": int,
    "bitrate": BITRATE,
    "quality_stats": {"average_rtt": float, "packet_loss_rate": float, "jitter": float},
}
PERMISSIONS = {
    "can_share_screen": bool,
    "can_use_chat": bool,
    "can_use_whiteboard": bool,
    "is_moderator": bool,
    "is_host": bool,
}
PERMISSIONS_GIVEN = {
    "can_share_screen": bool,
    "can_unmute_others": bool,
    "can_manage_participants": bool,
    "can_record": bool,
    "can_manage_breakout_rooms": bool,
}
JOINED: dict[str, Any] = {
    "meeting": {
        "id": word_id("meeting"),
        "meeting_name": str,
        "meeting_room_id": word_id("room"),
        "features": FEATURES,
        "webrtc_config": WEBRTC,
    },
    "participant": {
        "id": word_id("participant"),
        "user_id": str,
        "permissions": PERMISSIONS,
    },
}
PARTICIPANT = {
    "id": word_id("participant"),
    # Nobody's id is known of those who were asked by e-mail.
    "user_id": OrNull(str),
    "participant_name": str,
    "connection_status": either("connecting", "connected", "reconnecting", "disconnected"),
    "connection_quality": OrNull(either("poor", "fair", "good", "excellent")),
    "joined_at": OrNull(TIME),
    "media_status": {
        "video_enabled": bool,
        "audio_enabled": bool,
        "screen_sharing": bool,
        "is_speaking": bool,
        "is_muted_by_host": bool,
    },
    "permissions": PERMISSIONS,
}
CHAT_MESSAGE = {
    "id": word_id("msg"),
    "meeting_id": str,
    "sender_id": str,
    "sender_name": str,
    "message": str,
    "message_type": str,
    "recipient_type": str,
    "timestamp": TIME,
    "is_deleted": bool,
}
RECORDING = {
    "id": word_id("recording"),
    "meeting_id": str,
    "recording_type": either("video", "audio", "screen", "chat"),
    "file_path": matching(r"/recordings/[\w.-]+", "a path such as /recordings/meeting_001.mp4"),
    "file_size_bytes": int,
    "duration_seconds": float,
    "format": str,
    "quality": str,
    "started_at": TIME,
    "ended_at": TIME,
    "is_available": bool,
    "download_count": int,
}
SYSTEM = {
    "total_meetings": int,
    "active_meetings": int,
    "total_participants_online": int,
    "webrtc_stats": {"available": bool, "workers": int, "routers": int, "active_rooms": int},
    "performance": {
        "avg_connection_quality": float,
        "avg_bitrate_mbps": float,
        "cpu_usage": float,
        "memory_usage": float,
    },
}
