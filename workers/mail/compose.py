"""From what a letter says to the message that is sent: text, and the meeting as an iCalendar file.

The same letter always makes the same message to the last byte, so that one sent twice is one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Literal
from uuid import UUID

from icalendar import Calendar, Event, vCalAddress, vRecur, vText

from infra.contract.ids import ParticipantId, RoomId, TenantId
from infra.contract.messages import Message

_ENCODED = "=?"
_SPECIAL = frozenset('()<>[]:;@\\,"')
"RFC 5322, section 3.2.3; a period alone may stand in names without quotes (section 4.1)."
_LONGEST_NAME = 60
_SUBJECTS = {"invitation": "Invitation", "changed": "Changed", "cancelled": "Cancelled"}


class Letter(Message):
    """All that is said in one letter, as it was true when it was written."""

    id: UUID
    about: Literal["invitation", "changed", "cancelled"]
    at: datetime
    tenant_id: TenantId
    room_id: RoomId
    room_name: str
    description: str | None = None
    location: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    recurrence: str | None = None
    series_starts_at: datetime | None = None
    sequence: int
    "Of the room's version: calendars keep what has the higher one (RFC 5545, section 3.8.7.4)."
    seat_id: ParticipantId
    name: str
    "Of who it is for."
    email: str
    message: str | None = None
    "From who invites."


def address(email: str, name: str = "") -> Address | None:
    """None where nothing can be sent to: it is no single address, or none that every server can
    carry (before the @ only ASCII)."""
    odd = any(sign.isspace() or not sign.isprintable() for sign in email)
    if len(email) > 254 or odd or _ENCODED in email:
        return None
    local, _, domain = email.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode()
        made = Address(display_name=_phrase(name), addr_spec=f"{local}@{ascii_domain}")
    except (MessageError, ValueError, IndexError):
        return None
    return made if made.username and made.domain == ascii_domain else None


def line(text: str) -> str:
    """The text on one line, of what can be seen: headers and calendars end theirs where it ends.

    Nothing in it is taken for an encoded word (RFC 2047), which may hold the end of a line too.
    """
    return " ".join("".join(_shown(text)).split()).replace(_ENCODED, "= ?")


def block(text: str) -> str:
    """The text without what cannot be seen, its lines kept."""
    return "\n".join("".join(_shown(row)).rstrip() for row in text.splitlines()).strip()


def compose(letter: Letter, sender: Address, link: str | None) -> EmailMessage:
    """The message. `link`: where they join; None in a letter that calls it off.

    Raises ValueError when the letter's address is none.
    """
    to = address(letter.email, letter.name)
    if to is None:
        raise ValueError("there is no such address")
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = f"{_SUBJECTS[letter.about]}: {line(letter.room_name)}"
    message["Date"] = letter.at
    message["Message-ID"] = f"<{letter.id}@{sender.domain}>"
    # RFC 3834: nobody's holiday answers this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(_paragraphs(letter, link)), cte="quoted-printable")
    if letter.starts_at is not None:
        method = "CANCEL" if letter.about == "cancelled" else "REQUEST"
        message.add_alternative(
            _calendar(letter, letter.starts_at, method, sender, to, link).decode(),
            subtype="calendar",
            cte="base64",
            params={"method": method},
            disposition="attachment",
            filename="meeting.ics",
        )
        message.set_boundary(f"=_{letter.id.hex}")
    return message


def _phrase(name: str) -> str:
    """A name that needs no quotes: `email` loses them where it folds a long header, and what stood
    in them is then read as addresses."""
    return line("".join(" " if sign in _SPECIAL else sign for sign in name))[:_LONGEST_NAME]


def _shown(text: str) -> Iterable[str]:
    for sign in text:
        if sign.isprintable():
            yield sign
        elif unicodedata.category(sign) != "Cf":
            yield " "


def _paragraphs(letter: Letter, link: str | None) -> Iterable[str]:
    meeting = f"“{line(letter.room_name)}”"
    yield f"Hello {line(letter.name)},"
    yield ""
    yield {
        "invitation": f"You are invited to {meeting}.",
        "changed": f"{meeting} has changed. This is how it stands now.",
        "cancelled": f"{meeting} does not take place, or no longer with you.",
    }[letter.about]
    yield ""
    if letter.starts_at is not None:
        yield f"When: {_when(letter.starts_at, letter.ends_at)}"
    if letter.recurrence is not None:
        yield "It takes place again and again: the calendar file says when."
    if letter.location:
        yield f"Where: {line(letter.location)}"
    if letter.message:
        yield from ("", block(letter.message))
    if letter.description and letter.about != "cancelled":
        yield from ("", block(letter.description))
    if link is not None:
        yield from ("", f"Join: {link}", "", "The link is for you alone: it opens your own seat.")


def _when(starts_at: datetime, ends_at: datetime | None) -> str:
    said = f"{starts_at:%A}, {starts_at.day} {starts_at:%B %Y, %H:%M}"
    if ends_at is None:
        return f"{said} UTC"
    if ends_at.date() == starts_at.date():
        return f"{said} to {ends_at:%H:%M} UTC"
    return f"{said} to {ends_at:%A}, {ends_at.day} {ends_at:%B %Y, %H:%M} UTC"


def _calendar(
    letter: Letter,
    starts_at: datetime,
    method: str,
    sender: Address,
    to: Address,
    link: str | None,
) -> bytes:
    """RFC 5546, sections 3.2.2 and 3.2.5, in the form of RFC 5545."""
    event = Event()
    event.add("uid", str(letter.room_id))
    event.add("dtstamp", letter.at)
    event.add("sequence", letter.sequence)
    event.add("summary", line(letter.room_name))
    first = letter.series_starts_at if letter.recurrence else None
    event.add("dtstart", first or starts_at)
    if letter.ends_at is not None:
        event.add("dtend", (first or starts_at) + (letter.ends_at - starts_at))
    if letter.recurrence is not None:
        event.add("rrule", vRecur.from_ical(letter.recurrence))
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    event["organizer"] = _person(sender)
    attendee = _person(to)
    attendee.params["role"] = vText("REQ-PARTICIPANT")
    attendee.params["partstat"] = vText("NEEDS-ACTION")
    attendee.params["rsvp"] = vText("FALSE")
    event.add("attendee", attendee, encode=False)
    if where := line(letter.location or "") or link:
        event.add("location", where)
    said = [block(letter.description or ""), f"Join: {link}" if link else ""]
    if description := "\n\n".join(part for part in said if part):
        event.add("description", description)
    calendar = Calendar()
    calendar.add("prodid", "-//Parley//Meetings//EN")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written


def _person(who: Address) -> vCalAddress:
    named = vCalAddress(f"mailto:{who.addr_spec}")
    if who.display_name:
        named.params["cn"] = vText(who.display_name)
    return named
