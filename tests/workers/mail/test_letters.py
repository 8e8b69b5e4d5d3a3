"""Letters on their way: queued with what they tell of, and sent until they are taken."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from sqlalchemy import event, update

from handlers.tokens import Tokens
from infra.contract.ids import JobId
from infra.contract.views import Invitation, ParticipantView
from infra.db import jobs, participants
from infra.db.tables import Job
from infra.secrets import load
from infra.settings import settings
from tests.support.house import NOON
from tests.support.mail import calendar_of, text_of
from tests.workers.mail.conftest import PostOffice
from workers.mail import keeping, letters, send

jobs_table = Job.__table__  # type: ignore[attr-defined]


def invite(office: PostOffice, message: str | None = None, **meeting: object) -> ParticipantView:
    room = office.meeting(**meeting)
    seat = office.seat(room)
    with office.house.begin() as work:
        assert letters.invitations(work, room, [seat], message)
    return seat


def test_an_invitation_brings_the_meeting_and_a_link_to_the_seat(office: PostOffice) -> None:
    room = office.meeting(location="Room 5", description="Bring paper.")
    seat = office.seat(room)
    with office.house.begin() as work:
        assert letters.invitations(work, room, [seat], "Hope to see you,\nBo")
    assert office.invitation_of(seat) is Invitation.QUEUED

    office.work()

    (letter,) = office.sink.letters()
    assert letter["To"] == "Ann Lee <ann@school.example>"
    assert letter["From"] == "Parley <parley@meet.school.example>"
    assert letter["Subject"] == "Invitation: Algebra"
    said = text_of(letter)
    for words in (
        *("When: Thursday, 2 May 2030, 12:00 to 13:00 UTC", "Where: Room 5"),
        *("Hope to see you,\nBo", "Bring paper."),
    ):
        assert words in said
    method, event = calendar_of(letter)
    assert method == "REQUEST"
    assert (event["UID"], event["SEQUENCE"]) == (str(room.id), room.version)
    assert event.decoded("DTSTART") == room.starts_at
    assert event.decoded("DTEND") == room.ends_at
    assert event["ATTENDEE"] == "mailto:ann@school.example"
    assert event["ATTENDEE"].params["CN"] == "Ann Lee"
    assert event["ORGANIZER"] == "mailto:parley@meet.school.example"
    assert event["LOCATION"] == "Room 5"
    assert office.invitation_of(seat) is Invitation.SENT

    _, _, link = said.partition("Join: ")
    page, _, code = link.split()[0].partition("?invite=")
    assert page == f"https://meet.school.example/#/r/{room.id}"
    assert f"Join: {page}?invite={code}" in event["DESCRIPTION"]
    claims = _tokens(office, NOON + timedelta(days=400)).verify(code, type="invite")
    assert (claims.kind, claims.sub, claims.room_id) == ("participant", str(seat.id), room.id)


def _tokens(office: PostOffice, now: datetime) -> Tokens:
    return Tokens(
        load(office.tools.settings).signing_key,
        issuer="parley",
        access_s=900,
        refresh_s=900,
        now=lambda: now,
    )


def test_a_series_is_one_event_that_recurs(office: PostOffice) -> None:
    first = NOON - timedelta(days=6)
    invite(office, recurrence="FREQ=WEEKLY;BYDAY=TH;COUNT=10", series_starts_at=first)

    office.work()

    _, event = calendar_of(office.sink.letters()[0])
    assert event["RRULE"].to_ical() == b"FREQ=WEEKLY;COUNT=10;BYDAY=TH"
    assert event.decoded("DTSTART") == first
    assert event.decoded("DTEND") == first + timedelta(hours=1)


def test_a_meeting_without_a_time_is_told_of_without_a_calendar(office: PostOffice) -> None:
    invite(office, starts_at=None, ends_at=None)

    office.work()

    (letter,) = office.sink.letters()
    assert letter.get_content_type() == "text/plain"
    assert "Join: https://" in text_of(letter)


def test_who_was_written_to_hears_of_changes_and_of_the_end(office: PostOffice) -> None:
    room = office.meeting()
    asked = office.seat(room, invitation=Invitation.SENT)
    others = [office.seat(room, "bo@school.example"), office.seat(room, None)]

    with office.house.begin() as work:
        assert letters.changed(work, room, [asked, *others]) == 1
    office.work()
    with office.house.begin() as work:
        assert letters.cancellation(work, room, [asked, *others]) == 1
    office.cancel(room.id)
    office.work()

    methods = []
    for letter in office.sink.letters():
        method, event = calendar_of(letter)
        methods.append((method, str(event["STATUS"]), str(event["UID"]), str(letter["Subject"])))
    assert methods == [
        ("REQUEST", "CONFIRMED", str(room.id), "Changed: Algebra"),
        ("CANCEL", "CANCELLED", str(room.id), "Cancelled: Algebra"),
    ]
    assert "Join" not in text_of(office.sink.letters()[1])


def test_without_a_server_or_an_address_nothing_is_queued(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = office.meeting()
    nowhere = (None, "ann", "ann@a@b", "ann@x\r\nBcc: eve@x", "a b@x", "<ann@x>", "ann@", "@x")
    unreachable = [office.seat(room, email) for email in nowhere]
    reachable = office.seat(room)

    with office.house.begin() as work:
        assert letters.invitations(work, room, unreachable, None) == frozenset()
    monkeypatch.delenv("PARLEY_SMTP_URL")
    settings.cache_clear()
    with office.house.begin() as work:
        assert not letters.invitations(work, room, [reachable], None)

    assert office.jobs() == []


def test_what_is_rolled_back_is_not_written(office: PostOffice) -> None:
    room = office.meeting()
    seat = office.seat(room)

    with pytest.raises(ZeroDivisionError), office.house.begin() as work:
        letters.invitations(work, room, [seat], None)
        raise ZeroDivisionError

    assert office.jobs() == []
    assert office.invitation_of(seat) is None


def test_a_letter_that_is_not_taken_yet_is_tried_again_over_an_hour(office: PostOffice) -> None:
    office.sink.answers = ["451 come back later"] * 4
    invite(office)
    waits = []

    for _ in range(4):
        office.work()
        waits += office.wait_s()
    office.work()

    assert waits == [60, 300, 900, 2400]
    assert (office.sink.tried, len(office.sink.taken)) == (5, 1)
    assert [job.state for job in office.jobs()] == ["done"]


def test_a_letter_that_is_never_taken_is_given_up(office: PostOffice) -> None:
    office.sink.answers = ["451 come back later"] * 9
    seat = invite(office)

    for _ in range(7):
        office.work()

    assert office.sink.tried == letters.ATTEMPTS
    assert [(job.state, job.error) for job in office.jobs()] == [("failed", "451 come back later")]
    assert office.invitation_of(seat) is Invitation.FAILED


def test_a_refusal_for_good_is_not_tried_again(office: PostOffice) -> None:
    office.sink.answers = ["550 no such user here"]
    seat = invite(office)

    office.work()
    office.work()

    assert office.sink.tried == 1
    assert office.invitation_of(seat) is Invitation.FAILED


def test_a_server_that_is_away_is_asked_again(office: PostOffice) -> None:
    invite(office)
    office.sink.close()

    office.work()

    assert [(job.state, job.attempt) for job in office.jobs()] == [("queued", 1)]


class _Killed(BaseException):
    """What a worker does not live to see the end of."""


def test_a_worker_that_dies_after_the_letter_was_taken_sends_the_same_one_again(
    office: PostOffice,
) -> None:
    invite(office)
    (row,) = office.jobs()
    job = jobs.claim(office.tools.engine, JobId(row.id))
    assert job is not None

    def die() -> NoReturn:
        raise _Killed

    with pytest.raises(_Killed):
        send.send(job, dataclasses.replace(office.tools, now=die))
    office.work()

    one, other = office.sink.taken
    assert one.content == other.content
    assert [each.state for each in office.jobs()] == ["done"]


def test_what_was_called_off_meanwhile_is_not_asked_to(office: PostOffice) -> None:
    office.cancel(invite(office).room_id)

    office.work()

    assert office.sink.tried == 0
    assert [job.state for job in office.jobs()] == ["done"]


def test_what_became_of_a_letter_is_not_forgotten_by_who_changes_the_seat_meanwhile(
    office: PostOffice,
) -> None:
    seat = invite(office)
    with office.house.engine.connect() as connection:
        before = participants.get(connection, seat.tenant_id, seat.room_id, seat.id)
    assert before is not None

    office.work()
    with office.house.begin() as work:
        participants.save(work.connection, before.model_copy(update={"display_name": "Anna"}))

    assert office.invitation_of(seat) is Invitation.SENT


def test_many_are_asked_in_few_statements(office: PostOffice) -> None:
    room = office.meeting()
    seats = [office.seat(room, f"a{n}@x.example") for n in range(60)]
    statements: list[str] = []

    def count(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    event.listen(office.house.engine, "before_cursor_execute", count)
    with office.house.begin() as work:
        asked = letters.invitations(work, room, seats, None)
    event.remove(office.house.engine, "before_cursor_execute", count)

    assert asked == {seat.id for seat in seats}
    assert {office.invitation_of(seat) for seat in seats} == {Invitation.QUEUED}
    assert len(statements) <= 5, statements


def test_a_letter_that_is_over_is_forgotten_after_a_day(office: PostOffice) -> None:
    office.sink.answers = ["550 nobody is ann@school.example here"]
    invite(office)
    invite(office)
    office.work()
    invite(office)
    states = [job.state for job in office.jobs()]
    assert sorted(states) == ["done", "failed", "queued"]
    assert not any("@" in (job.error or "") for job in office.jobs())

    keeping.forget_letters(office.tools)
    assert len(office.jobs()) == 3
    yesterday = datetime.now(UTC) - timedelta(hours=24, minutes=1)
    with office.house.engine.begin() as connection:
        connection.execute(update(jobs_table).values(updated_at=yesterday))
    keeping.forget_letters(office.tools)

    assert [job.state for job in office.jobs()] == ["queued"]


def test_many_letters_are_queued_after_the_unit_that_wrote_them(office: PostOffice) -> None:
    room = office.meeting()
    seats = [office.seat(room, f"a{n}@x.example", invitation=Invitation.SENT) for n in range(51)]

    with office.house.begin() as work:
        assert letters.cancellation(work, room, seats) == 51

    assert [job.kind for job in office.jobs()] == [letters.SPREAD]
    (spread,) = office.jobs()
    job = jobs.claim(office.tools.engine, JobId(spread.id))
    assert job is not None
    send.spread(job, office.tools)
    assert sorted({job.kind for job in office.jobs()}) == [letters.SEND, letters.SPREAD]
    assert len(office.jobs()) == 52
