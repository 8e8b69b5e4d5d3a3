"""Chalk's reference: its 33 endpoints, the bodies its clients send, and what they read."""

from __future__ import annotations

from tests.conformance.chalk.endings import ENDINGS
from tests.conformance.chalk.recordings import RECORDINGS, SOCKET
from tests.conformance.chalk.rooms import PARTICIPANTS, ROOMS
from tests.conformance.chalk.tenants import AUTH, TENANTS
from tests.conformance.kit import Dialect

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

CHALK = Dialect(
    "chalk",
    ENDPOINTS,
    (*TENANTS, *AUTH, *ROOMS, *PARTICIPANTS, *RECORDINGS, *SOCKET, *ENDINGS),
)
