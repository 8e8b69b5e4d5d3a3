"""The KCS guide: its 20 endpoints, every request it shows, every answer and every error."""

from __future__ import annotations

from tests.conformance.kcs.afterwards import AFTERWARDS, LIMITS, RECORDING_IT
from tests.conformance.kcs.asking import PEOPLE, token_of
from tests.conformance.kcs.changing import CHANGING
from tests.conformance.kcs.meeting import MEETING_ON
from tests.conformance.kcs.planning import CREATING, READING
from tests.conformance.kit import Dialect, Story

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
