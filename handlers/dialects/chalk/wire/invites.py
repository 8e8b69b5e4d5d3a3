"""Invitations."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from handlers.dialects.chalk.wire.fields import Name
from handlers.dialects.chalk.wire.rooms import RoleShown
from handlers.dialects.operation import Body, Shown
from handlers.operations import invites


class MakeInvite(Body):
    role: RoleShown = "participant"
    "What whoever comes by it is."
    expires_in: int = Field(default=7 * 86_400, ge=60, le=90 * 86_400)
    "Seconds it is good for."


class Invite(Shown):
    invite: str
    url: str
    "A link to the page that joins with it."
    expires_at: datetime

    @classmethod
    def of(cls, made: invites.Invite) -> Invite:
        return cls(invite=made.code, url=made.link, expires_at=made.expires_at)


class TakeInvite(Body):
    invite: str = Field(min_length=1, max_length=8192)
    display_name: Name
