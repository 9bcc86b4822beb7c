"""E-mail by SMTP, through aiosmtplib."""

import base64
import hashlib
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.policy import SMTP
from email.utils import format_datetime, localtime

import aiosmtplib
from aiosmtplib import (
    SMTP as Client,  # noqa: N811 (aiosmtplib's class is called like email's policy)
)

from channels.provider import Abilities, Hook, Parcel, Reading
from domain.content import Attachment
from domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    ContentRejected,
    InvalidRecipient,
    PermanentError,
    ProviderError,
    TransientError,
)
from domain.messages import Channel
from settings import Settings


class Smtp:
    """Sends through one server. SMTP has no idempotency: a lost answer stays ambiguous."""

    name = "smtp"
    channels = frozenset({Channel.EMAIL})
    abilities = Abilities()

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def send(self, parcel: Parcel) -> str:
        """Hand the message to the server; give back its Message-ID.

        Raises:
            TransientError: no connection, or a 4xx reply (RFC 5321, 4.2.1).
            PermanentError: a 5xx reply.
            AccountError: the server does not accept our credentials or our sender address.
            AmbiguousSend: the connection broke after the message was on its way.
        """
        settings = self._settings
        message = compose(parcel, settings)
        client = self._client()
        try:
            async with client:
                await client.mail(settings.from_email)
                await client.rcpt(parcel.address)
                await _data(client, message)
        except aiosmtplib.SMTPException as error:
            raise _before_data(error) from error
        return str(message["Message-ID"])

    async def find(self, parcel: Parcel, since: datetime) -> str | None:
        """A mail server cannot be asked."""
        raise TransientError("SMTP has no look-up")

    async def probe(self) -> None:
        """Log in, and leave."""
        try:
            async with self._client():
                pass
        except aiosmtplib.SMTPException as error:
            raise _before_data(error) from error

    async def read(self, hook: Hook) -> Reading:
        """A mail server sends no webhooks: what bounces comes back as mail."""
        raise BadInput("SMTP sends no webhooks")

    async def close(self) -> None:
        """Nothing to give back: each message has a connection of its own."""

    def _client(self) -> Client:
        settings = self._settings
        return Client(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username or None,
            password=settings.smtp_password.get_secret_value() or None,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
            timeout=settings.smtp_timeout_seconds,
        )


async def _data(client: Client, message: EmailMessage) -> None:
    try:
        await client.data(message.as_bytes())
    except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError) as error:
        raise AmbiguousSend(f"the connection broke after the message went out: {error}") from error
    except aiosmtplib.SMTPResponseException as error:
        raise _reply(error.code, error.message, ContentRejected) from error


def _before_data(error: aiosmtplib.SMTPException) -> ProviderError:
    match error:
        case aiosmtplib.SMTPAuthenticationError():
            return AccountError(f"the SMTP server refuses our credentials: {error.message}")
        case aiosmtplib.SMTPSenderRefused() if error.code >= 500:
            return AccountError(
                f"the SMTP server refuses the sender {error.sender}: {error.message}"
            )
        case aiosmtplib.SMTPRecipientRefused():
            # one class for 550 and 451: only the code tells a dead address from a busy server
            return _reply(error.code, error.message, InvalidRecipient)
        case aiosmtplib.SMTPResponseException():
            return _reply(error.code, error.message, ContentRejected)
    return TransientError(f"no SMTP connection: {error}")


def _reply(code: int, message: str, refused: type[PermanentError]) -> ProviderError:
    said = f"{code} {message}"
    return refused(said) if code >= 500 else TransientError(said)


def compose(parcel: Parcel, settings: Settings) -> EmailMessage:
    """The message as it goes over the wire: plain text with an HTML alternative, and files.

    The Message-ID is made from the ledger key, so that a second try is the same message to every
    mailbox that drops duplicates.
    """
    content = parcel.content
    _, _, domain = settings.from_email.rpartition("@")
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(settings.shop_name, addr_spec=settings.from_email)
    message["To"] = parcel.address
    message["Subject"] = content.subject
    message["Date"] = format_datetime(localtime())
    digest = hashlib.sha256(parcel.ledger_key.encode()).hexdigest()[:40]
    message["Message-ID"] = f"<{digest}@{domain}>"
    for name, value in content.headers.items():
        message[name] = value
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    for attachment in content.attachments:
        _attach(message, attachment)
    return message


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    typed = Message()
    typed["Content-Type"] = attachment.media_type
    message.add_attachment(
        base64.b64decode(attachment.data),
        maintype=typed.get_content_maintype(),
        subtype=typed.get_content_subtype(),
        filename=attachment.name,
        params=dict((typed.get_params() or [])[1:]),
    )
