"""Sending letters: each until the server takes it, or says that it never will."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from infra import secrets
from infra.contract.views import Invitation, RoomState
from infra.db import jobs, participants, rooms
from infra.db.jobs import ClaimedJob, Hopeless, Later, SetAside
from infra.db.work import Work
from infra.signing import seat_code
from workers.mail.compose import Letter, address, compose
from workers.mail.letters import SEND, SPREAD, queue
from workers.mail.server import Never, NotNow, mail_server, sender
from workers.owners import mourns, performs
from workers.tools import Tools

AGAIN_AFTER_S = (60.0, 300.0, 900.0, 2400.0)
"Seconds before each further attempt: five in about an hour, which outlasts greylisting."

log = structlog.get_logger(__name__)


@performs(SEND)
def send(job: ClaimedJob, tools: Tools) -> None:
    """Hand the letter to the server, then record that it was taken.

    A worker that dies in between sends it again, the same to the last byte: `Message-ID` tells.
    """
    letter = Letter.model_validate(job.payload)
    if letter.about != "cancelled" and not _still_true(letter, tools):
        return
    server, us, to = mail_server(tools.settings), sender(tools.settings), address(letter.email)
    if server is None or to is None:
        raise Hopeless("no mail is sent from here any more" if to else "there is no such address")
    message = compose(letter, us, None if letter.about == "cancelled" else _link(letter, tools))
    job.beat()
    try:
        server.send(message, us, to)
    except Never as no:
        log.warning("a letter was refused", letter=str(letter.id), said=str(no))
        raise Hopeless(str(no)) from no
    except NotNow as no:
        log.warning("a letter was not taken", letter=str(letter.id), said=str(no))
        raise Later(
            str(no), after_s=AGAIN_AFTER_S[min(job.attempt, len(AGAIN_AFTER_S)) - 1]
        ) from no
    with tools.begin() as work:
        jobs.finish(work, job)
        if letter.about != "cancelled":
            participants.mark_invitations(work.connection, [letter.seat_id], Invitation.SENT)


@mourns(SEND)
def give_up(job: SetAside, work: Work, tools: Tools) -> None:
    _failed(work, [Letter.model_validate(job.payload)])


@performs(SPREAD)
def spread(job: ClaimedJob, tools: Tools) -> None:
    """Queue letters that were too many for the unit of work that wrote them."""
    letters = [Letter.model_validate(payload) for payload in job.payload["letters"]]
    with tools.begin() as work:
        jobs.finish(work, job)
        queue(work, letters)


@mourns(SPREAD)
def give_up_all(job: SetAside, work: Work, tools: Tools) -> None:
    _failed(work, [Letter.model_validate(payload) for payload in job.payload["letters"]])


def _failed(work: Work, letters: Sequence[Letter]) -> None:
    seats = [letter.seat_id for letter in letters if letter.about != "cancelled"]
    participants.mark_invitations(work.connection, seats, Invitation.FAILED)


def _still_true(letter: Letter, tools: Tools) -> bool:
    """Whether there is still something to come to, and a place for them: a letter that waited for
    the server must not arrive after the one that called it off."""
    with tools.engine.connect() as connection:
        room = rooms.get(connection, letter.tenant_id, letter.room_id)
        seat = participants.get(connection, letter.tenant_id, letter.room_id, letter.seat_id)
    over = (RoomState.CANCELLED, RoomState.ENDED)
    return room is not None and room.state not in over and seat is not None


def _link(letter: Letter, tools: Tools) -> str:
    """Where they join: the page, with a code for their seat."""
    code = seat_code(
        secrets.load(tools.settings).signing_key,
        tenant_id=letter.tenant_id,
        room_id=letter.room_id,
        seat_id=letter.seat_id,
        issuer=tools.settings.issuer,
        jti=letter.id,
        issued_at=letter.at,
    )
    return f"{tools.settings.base_url}/#/r/{letter.room_id}?invite={code}"
