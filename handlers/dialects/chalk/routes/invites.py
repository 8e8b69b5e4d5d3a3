"""Invitations: links by which people without an account join."""

from __future__ import annotations

from handlers.auth import May
from handlers.call import Call, Visit
from handlers.dialects.chalk.wire import invites as wire
from handlers.dialects.chalk.wire.rooms import Joined
from handlers.dialects.operation import Answer, Table
from handlers.operations import invites
from infra.contract.etags import etag_of
from infra.contract.ids import RoomId
from infra.contract.refusals import Reason

TABLE = Table()


@TABLE.add(
    "POST",
    "/rooms/{room_id}/join-token",
    tag="participants",
    may=May.LEAD,
    status=201,
    extension=True,
)
async def make_invite(call: Call, room_id: RoomId, body: wire.MakeInvite) -> wire.Invite:
    """Make an invite link.

    Anybody who has it may take a seat in the room until it expires.
    """
    return wire.Invite.of(
        await invites.make(call, room_id, role=body.role, lives_s=body.expires_in)
    )


@TABLE.add(
    "POST",
    "/join-token/exchange",
    tag="participants",
    may=None,
    status=201,
    refuses=(
        Reason.BAD_CREDENTIALS,
        Reason.TOKEN_EXPIRED,
        Reason.ROOM_UNKNOWN,
        Reason.ROOM_NOT_ACTIVE,
        Reason.ROOM_FULL,
        Reason.ROOM_OVER,
        Reason.KEY_REUSED,
        Reason.COMMAND_PENDING,
    ),
    extension=True,
)
async def take_invite(visit: Visit, body: wire.TakeInvite) -> Answer[Joined]:
    """Exchange an invite for a seat.

    The answer holds the new participant's tokens. A host's invite that is good once is refused
    after that, except to a retry under the same `Idempotency-Key`.
    """
    seated, tokens = await invites.take(visit, body.invite, body.display_name)
    return Answer(Joined.as_(seated, tokens), etag=etag_of(seated.participant))
