"""Who somebody is in a room."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    HOST = "host"
    CO_HOST = "co_host"
    PRESENTER = "presenter"
    ATTENDEE = "attendee"

    @property
    def leads(self) -> bool:
        """May do what a host may."""
        return self in (Role.HOST, Role.CO_HOST)
