"""Invitations by link: given out for rooms that are there."""

from __future__ import annotations

from infra.contract.commands import InviteMade, MakeInvite
from infra.contract.refusals import Reason, refuse
from infra.db import rooms
from infra.db.work import Work
from workers.owners import owns
from workers.tools import Tools


@owns(MakeInvite)
def make_invite(command: MakeInvite, work: Work, tools: Tools) -> InviteMade:
    if rooms.get(work.connection, command.tenant_id, command.room_id) is None:
        raise refuse(Reason.ROOM_UNKNOWN)
    return InviteMade(room_id=command.room_id, at=work.now)
