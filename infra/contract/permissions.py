"""What somebody may do in a room: their role's permissions, and what a host changed of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from infra.contract.roles import Role


class Permission(StrEnum):
    SHARE_SCREEN = "share_screen"
    CHAT = "chat"
    WHITEBOARD = "whiteboard"
    UNMUTE_OTHERS = "unmute_others"
    MANAGE_PARTICIPANTS = "manage_participants"
    RECORD = "record"
    MANAGE_BREAKOUT_ROOMS = "manage_breakout_rooms"


EVERYBODY = frozenset({Permission.CHAT, Permission.WHITEBOARD})
OF_ROLE: Mapping[Role, frozenset[Permission]] = {
    Role.HOST: frozenset(Permission),
    Role.CO_HOST: frozenset(Permission),
    Role.PRESENTER: EVERYBODY | {Permission.SHARE_SCREEN},
    Role.ATTENDEE: EVERYBODY,
}

Granted = dict[Permission, bool]
"What a host gave to or took from one participant; what is not named is their role's."


def permits(role: Role, granted: Mapping[Permission, bool], permission: Permission) -> bool:
    return granted.get(permission, permission in OF_ROLE[role])
