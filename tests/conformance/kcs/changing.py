"""Meetings changed, and people asked to come."""

from __future__ import annotations

from tests.conformance.kcs.asking import MEMBER, asked, limited, no, refused
from tests.conformance.kit import Example
from tests.conformance.shapes import TIME, Has, Kept

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
