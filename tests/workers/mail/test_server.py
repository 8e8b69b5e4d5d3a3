"""The server that settings name, and what its answers mean."""

from __future__ import annotations

import dataclasses
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.support.certificates import certified
from tests.support.mail import Sink
from workers.mail.server import MailServer, Never, NotNow, mail_server, sender

US = Address("Parley", addr_spec="parley@meet.example")
ANN = Address("Ann", addr_spec="ann@school.example")


def settings(url: str | None, **more: str) -> Settings:
    return Settings(_env_file=None, smtp_url=url, **more)  # type: ignore[arg-type]


def message() -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = "Hello"
    made.set_content("Hello")
    return made


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", MailServer("mail.example", 587, tls=False, starttls=True)),
        ("smtps://mail.example", MailServer("mail.example", 465, tls=True, starttls=True)),
        (
            "smtp://a%40b:p%2Fw@mail.example:25?starttls=never",
            MailServer("mail.example", 25, tls=False, starttls=False, user="a@b", password="p/w"),
        ),
    ],
)
def test_a_url_names_a_server(url: str, server: MailServer) -> None:
    assert mail_server(settings(url)) == server


@pytest.mark.parametrize(
    "url",
    [
        *("http://mail.example", "smtp://", "mail.example", "smtp://me:secret@h:x"),
        "smtp://me:secret@h?starttls=maybe",
    ],
)
def test_a_url_that_is_none_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ValueError) as wrong:
        mail_server(settings(url))

    assert "secret" not in str(wrong.value)


def test_nobody_is_written_to_without_a_server() -> None:
    assert mail_server(settings(None)) is None


def test_letters_are_from_whom_settings_say() -> None:
    named = settings(None, mail_from="School <no-reply@school.example>")
    unnamed = settings(None, public_url="https://meet.example:8443")

    assert str(sender(named)) == "School <no-reply@school.example>"
    assert str(sender(unnamed)) == "Parley <parley@meet.example>"
    with pytest.raises(ValueError, match="PARLEY_MAIL_FROM"):
        sender(settings(None, mail_from="nobody"))


def test_a_password_is_not_said_where_there_is_no_tls(sink: Sink) -> None:
    server = MailServer("127.0.0.1", sink.port, tls=False, starttls=True, user="a", password="b")

    with pytest.raises(NotNow, match="STARTTLS"):
        server.send(message(), US, ANN)

    assert sink.tried == 0


def test_a_letter_goes_over_tls_to_who_proves_the_name(tmp_path: Path) -> None:
    ours, believing = certified(tmp_path, "localhost")
    sink = Sink(tls=ours).start()
    server = MailServer("localhost", sink.port, tls=False, starttls=True)
    try:
        with pytest.raises(NotNow, match="CERTIFICATE_VERIFY_FAILED"):
            server.send(message(), US, ANN)
        dataclasses.replace(server, context=believing).send(message(), US, ANN)
    finally:
        sink.close()

    assert [envelope.rcpt_tos for envelope in sink.taken] == [["ann@school.example"]]


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        ("421 shutting down", NotNow),
        ("451 greylisted", NotNow),
        ("550 no such user", Never),
        ("554 spam", Never),
    ],
)
def test_an_answer_means_later_or_never(sink: Sink, answer: str, meaning: type[Exception]) -> None:
    sink.answers = [answer]

    with pytest.raises(meaning, match=answer):
        plain(sink).send(message(), US, ANN)


def test_an_answer_is_told_without_whom_it_was_about(sink: Sink) -> None:
    sink.answers = ["550 5.1.1 <Ann@School.example>: ann@school.example is unknown"]

    with pytest.raises(Never) as no:
        plain(sink).send(message(), US, ANN)

    assert str(no.value) == "550 5.1.1 <(the address)>: (the address) is unknown"


def plain(sink: Sink) -> MailServer:
    return MailServer("127.0.0.1", sink.port, tls=False, starttls=False)
