"""What a letter says, whatever the people who are named in it are called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.contract.ids import ParticipantId, RoomId, TenantId
from tests.support.mail import calendar_of, text_of
from workers.mail.compose import Letter, address, block, compose, line

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
ID = UUID(int=7)
US = Address("Parley", addr_spec="parley@meet.example")
LINK = "https://meet.example/#/r/7?invite=" + "x" * 400
HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
    *("MIME-Version", "Content-Type"),
}

HOSTILE = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.sampled_from(
            [
                *("\r\n", "\n", "\r", "\x0b", "\u2028", "\x85", "\0", "Bcc: eve@x.example"),
                *("\r\n\r\n", "END:VEVENT", "BEGIN:VALARM", "ATTENDEE:mailto:eve@x", '"', ";", ":"),
                *(",", "\\", "\\n", "=?utf-8?q?=0D=0ABcc:_eve?=", "<eve@x>", "--=_", "é", "𝔄", " "),
            ]
        ),
        max_size=6,
    ).map("".join),
)


def letter(**fields: Any) -> Letter:
    return Letter(
        **{
            "id": ID,
            "about": "invitation",
            "at": NOON,
            "tenant_id": TenantId(ID),
            "room_id": RoomId(ID),
            "room_name": "Algebra",
            "starts_at": NOON + timedelta(days=1),
            "ends_at": NOON + timedelta(days=1, hours=1),
            "sequence": 3,
            "seat_id": ParticipantId(ID),
            "name": "Ann",
            "email": "ann@school.example",
            **fields,
        }
    )


def sent(written: Letter, link: str | None = LINK) -> EmailMessage:
    """As whoever gets it reads it."""
    read: Any = message_from_bytes(compose(written, US, link).as_bytes(), policy=SMTP)
    assert isinstance(read, EmailMessage)
    return read


@settings(max_examples=60, deadline=None)
@example(name="Bcc: eve@x.example" * 5, room="", place="", words="", message="")
@example(name="", room="=?utf-8?q?=0D=0ABcc:_eve@x?=", place="", words="", message="")
@given(name=HOSTILE, room=HOSTILE, place=HOSTILE, words=HOSTILE, message=HOSTILE)
def test_nobodys_name_or_words_add_to_the_letter(
    name: str, room: str, place: str, words: str, message: str
) -> None:
    read = sent(
        letter(name=name, room_name=room, location=place, description=words, message=message)
    )

    assert set(read.keys()) == HEADERS and len(read.keys()) == len(HEADERS)
    assert [each.addr_spec for each in read["To"].addresses] == ["ann@school.example"]
    assert [part.get_content_type() for part in read.walk()] == [
        *("multipart/alternative", "text/plain", "text/calendar")
    ]
    # Folding adds spaces here and there.
    assert _unspaced(read["Subject"]) == _unspaced(f"Invitation: {line(room)}")
    method, event = calendar_of(read)
    assert method == "REQUEST"
    assert not event.subcomponents
    assert event["ATTENDEE"] == "mailto:ann@school.example"
    assert event["SUMMARY"] == line(room)
    assert event["LOCATION"] == (line(place) or LINK)
    assert not read.defects


def _unspaced(text: str) -> str:
    return "".join(text.split())


@settings(max_examples=60, deadline=None)
@given(email=st.one_of(HOSTILE, HOSTILE.map(lambda text: f"{text}@x.example")))
def test_an_address_is_one_address_or_none(email: str) -> None:
    found = address(email)

    if found is not None:
        read = sent(letter(email=email))
        assert [each.addr_spec for each in read["To"].addresses] == [found.addr_spec]
        assert set(read.keys()) == HEADERS


@pytest.mark.parametrize(
    ("email", "spec"),
    [
        ("ann@school.example", "ann@school.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann+x@school.example", "ann+x@school.example"),
    ],
)
def test_a_domain_of_another_script_is_written_in_ascii(email: str, spec: str) -> None:
    found = address(email)

    assert found is not None and found.addr_spec == spec


def test_the_same_letter_is_the_same_message_to_the_last_byte() -> None:
    one, other = (compose(letter(name="Zoë"), US, LINK).as_bytes() for _ in range(2))

    assert one == other
    assert b"Message-ID: <00000000-0000-0000-0000-000000000007@meet.example>" in one


def test_the_link_stands_whole_in_the_text_and_in_the_calendar() -> None:
    read = sent(letter())

    assert f"Join: {LINK}\n" in text_of(read)
    assert LINK in calendar_of(read)[1]["DESCRIPTION"]


def test_a_letter_that_calls_off_holds_no_link() -> None:
    read = sent(letter(about="cancelled"), None)

    method, event = calendar_of(read)
    assert (method, event["STATUS"], event["SEQUENCE"]) == ("CANCEL", "CANCELLED", 3)
    assert "http" not in text_of(read)


@given(HOSTILE)
def test_a_line_is_one_line_and_a_block_keeps_only_its_lines(text: str) -> None:
    assert line(text).isprintable()
    assert all(row.isprintable() for row in block(text).split("\n"))
