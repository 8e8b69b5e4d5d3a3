"""The SMTP server that takes our mail (RFC 5321), and what its answers mean."""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from typing import NoReturn
from urllib.parse import parse_qs, unquote, urlsplit

from infra.settings import Settings
from workers.mail.compose import address

TIMEOUT_S = 20.0
"Seconds the server may take to connect, and to answer each command."


class NotNow(Exception):
    """The letter was not taken, and may well be another time."""


class Never(Exception):
    """The server will not take the letter (RFC 5321, section 4.2.1: 5yz)."""


@dataclass(frozen=True, slots=True)
class MailServer:
    host: str
    port: int
    tls: bool
    "From the first byte on (RFC 8314); otherwise STARTTLS."
    starttls: bool
    user: str | None = None
    password: str = field(default="", repr=False)
    context: ssl.SSLContext | None = None
    "None: certificates must be ones this machine trusts."

    def send(self, message: EmailMessage, sender: Address, to: Address) -> None:
        """Returns when the server has taken the message. Raises `NotNow`, `Never`, neither of which
        names the address."""
        with self._open(sender.domain) as smtp:
            try:
                smtp.send_message(message, sender.addr_spec, [to.addr_spec])
            except smtplib.SMTPRecipientsRefused as no:
                _refused(*no.recipients[to.addr_spec], to)
            except smtplib.SMTPResponseException as no:
                _refused(no.smtp_code, no.smtp_error, to)
            except (smtplib.SMTPException, OSError) as broken:
                raise NotNow(f"{type(broken).__name__}: {broken}") from broken

    @contextlib.contextmanager
    def _open(self, our_name: str) -> Iterator[smtplib.SMTP]:
        """Whatever goes wrong before a letter is shown is no fault of the letter."""
        try:
            smtp = self._connect(our_name)
        except (smtplib.SMTPException, OSError) as broken:
            raise NotNow(f"{type(broken).__name__}: {broken}") from broken
        try:
            yield smtp
        finally:
            # The letter was taken or not: how the server says goodbye changes nothing of that.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()

    def _connect(self, our_name: str) -> smtplib.SMTP:
        context = self.context or ssl.create_default_context()
        smtp: smtplib.SMTP
        if self.tls:
            smtp = smtplib.SMTP_SSL(
                self.host, self.port, our_name, timeout=TIMEOUT_S, context=context
            )
        else:
            smtp = smtplib.SMTP(self.host, self.port, our_name, timeout=TIMEOUT_S)
        try:
            if self.starttls and not self.tls:
                smtp.starttls(context=context)
            if self.user is not None:
                smtp.login(self.user, self.password)
        except BaseException:
            smtp.close()
            raise
        return smtp


def _refused(code: int, said: bytes | str, to: Address) -> NoReturn:
    """What the server said, without whom it was said of: it is logged, and kept with the job."""
    words = said.decode(errors="replace") if isinstance(said, bytes) else said
    words = re.sub(re.escape(to.addr_spec), "(the address)", words, flags=re.IGNORECASE)
    raise (Never if code >= 500 else NotNow)(f"{code} {words}")


def mail_server(settings: Settings) -> MailServer | None:
    """The server that settings name. Raises ValueError, without the password, when they name none
    that can be used."""
    if settings.smtp_url is None:
        return None
    url = urlsplit(settings.smtp_url.get_secret_value())
    starttls = parse_qs(url.query).get("starttls", ["always"])[-1]
    try:
        port = url.port
    except ValueError:
        raise ValueError("PARLEY_SMTP_URL: the port must be a number") from None
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise ValueError("PARLEY_SMTP_URL must be smtp://host or smtps://host")
    if starttls not in ("always", "never"):
        raise ValueError("PARLEY_SMTP_URL: starttls must be always or never")
    return MailServer(
        host=url.hostname,
        port=port or (465 if url.scheme == "smtps" else 587),
        tls=url.scheme == "smtps",
        starttls=starttls == "always",
        user=unquote(url.username) if url.username else None,
        password=unquote(url.password or ""),
    )


def sender(settings: Settings) -> Address:
    """Whom letters are from. Raises ValueError when the setting holds no address."""
    host = urlsplit(settings.base_url).hostname or "localhost"
    name, email = parseaddr(settings.mail_from or f"Parley <parley@{host}>")
    found = address(email, name)
    if found is None:
        raise ValueError("PARLEY_MAIL_FROM must be an address, or a name and an <address>")
    return found
