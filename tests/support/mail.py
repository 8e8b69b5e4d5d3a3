"""An SMTP server in this process, that takes letters or says what it is told to say."""

from __future__ import annotations

import ssl
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from icalendar import Calendar

from infra.settings import Settings
from infra.settings import settings as of_process
from tests.support.servers import free_port


class Sink:
    """Listens until closed. What it took lies in `taken`, as it came."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.taken: list[Envelope] = []
        self.tried = 0
        self.answers: list[str] = []
        "What it says to the next letters instead of taking them."
        self.port = free_port()
        self._controller = Controller(self, "127.0.0.1", port=self.port, tls_context=tls)

    def start(self) -> Sink:
        self._controller.start()
        return self

    def close(self) -> None:
        if self._controller.server is not None:
            self._controller.stop()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?starttls=never"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.tried += 1
        if self.answers:
            return self.answers.pop(0)
        self.taken.append(envelope)
        return "250 OK"

    def letters(self) -> list[EmailMessage]:
        return [read(envelope) for envelope in self.taken]


def read(envelope: Envelope) -> EmailMessage:
    assert isinstance(envelope.content, bytes)
    message: Any = message_from_bytes(envelope.content, policy=SMTP_POLICY)
    assert isinstance(message, EmailMessage)
    return message


def text_of(letter: EmailMessage) -> str:
    part: Any = letter.get_body(("plain",))
    return str(part.get_content()).replace("\r\n", "\n")


def calendar_of(letter: EmailMessage) -> tuple[str, Any]:
    """The method and the one event of the letter's iCalendar file."""
    (part,) = [each for each in letter.walk() if each.get_content_type() == "text/calendar"]
    raw: Any = part.get_payload(decode=True)
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    calendar: Any = Calendar.from_ical(raw)
    (event,) = calendar.walk("VEVENT")
    method = str(calendar["METHOD"])
    parameters: Any = part["content-type"].params
    assert parameters["method"] == method
    return method, event


def mailing(monkeypatch: Any, url: str, **more: Any) -> Settings:
    """Settings of a deployment that sends its mail there, also this process's own."""
    monkeypatch.setenv("PARLEY_SMTP_URL", url)
    of_process.cache_clear()
    return Settings(_env_file=None, smtp_url=url, **more)
