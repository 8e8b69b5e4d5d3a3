"""What a key or an OAuth 2.0 token may be good for (RFC 6749, section 3.3)."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    MEETINGS_READ = "meetings:read"
    MEETINGS_WRITE = "meetings:write"
    STREAMS_READ = "streams:read"
    STREAMS_WRITE = "streams:write"
    RECORDINGS_READ = "recordings:read"
    ANALYTICS_READ = "analytics:read"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"


EVERY_SCOPE = frozenset(Scope)
