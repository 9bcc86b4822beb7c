"""E-mail by SMTP, through aiosmtplib.

https://www.rfc-editor.org/rfc/rfc5321; enhanced status codes:
https://www.iana.org/assignments/smtp-enhanced-status-codes.
"""

import asyncio
import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime
from typing import Annotated, Literal

import aiosmtplib
from aiosmtplib import (
    SMTP as Client,  # noqa: N811 (aiosmtplib's class is called like email's policy)
)
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from sojourn.channels.config import ProviderConfig
from sojourn.channels.fence import Fence, current
from sojourn.channels.mailbox import mailbox
from sojourn.channels.provider import Abilities, Parcel
from sojourn.channels.sender import from_header, sender
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    ContentRejected,
    FenceClosed,
    InvalidRecipient,
    PermanentError,
    ProviderError,
    TransientError,
    UnsupportedAddress,
)
from sojourn.domain.messages import Channel
from sojourn.settings import Settings

KEPT_CONNECTIONS = 4
"""The number of idle connections to keep for the next messages."""
CLOSING = 421
DATA = b"DATA\r\n"
GOODBYE_SECONDS = 1.0
_POLICY = SMTP.clone(cte_type="7bit")  # every server takes 7bit, but not every one takes 8bit
_ENHANCED = re.compile(r"\b5\.(\d{1,3})\.(\d{1,3})\b")
_OF_SENDER = re.compile(
    r"relay(ing)? (access )?(is )?(denied|not permitted|not allowed)|unable to relay|"
    r"sender (address )?(rejected|refused|denied|not allowed)|send as this sender|"
    r"not owned by (the )?user|not verified|unverified|authenticat|must issue a starttls",
    re.IGNORECASE,
)
"""The texts of servers that do not let us send, whose codes can also mean other faults. Postfix and
Exim answer the recipient's address with them, Amazon and Microsoft the message:
https://www.postfix.org/postconf.5.html#smtpd_delay_reject,
https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html,
https://learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online"""
_FAULTS = (aiosmtplib.SMTPException, OSError)  # an invalid certificate is an OSError
_LOST = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError)


class Config(ProviderConfig):
    """The settings ``SOJOURN_SMTP_*``."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_SMTP_")

    host: str = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    """The port; often 587 with ``starttls``, 465 with ``tls``."""
    username: str = ""
    """The user's name; empty to send without a login."""
    password: SecretStr = SecretStr("")
    security: Literal["none", "starttls", "tls"] = "starttls"
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10
    """The time to wait for each of the server's replies."""


class Smtp:
    """One mail server. SMTP has no idempotency, so a lost answer stays ambiguous."""

    name = "smtp"
    channels = frozenset({Channel.EMAIL})
    abilities = Abilities(fenced=True)

    def __init__(self, settings: Settings) -> None:
        self._config = Config.load()
        self._settings = settings
        self._idle: list[Client] = []
        self._closed = False

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over and return its Message-ID.

        Raises:
            TransientError: there is no connection, the reply is 4xx (RFC 5321, 4.2.1), or the time
                for the hand-over is over.
            PermanentError: the server answers 5xx, or the address needs SMTPUTF8 (RFC 6531), which
                it does not offer.
            AccountError: the server refuses us, our credentials or our sender's address.
            AmbiguousSend: the connection broke after the message had left.
        """
        message = compose(parcel, self._settings)
        try:
            client = await self._addressed(mailbox(parcel.address))
        except _FAULTS as error:
            raise _before_data(error) from error
        try:
            await _data(client, message, current())
        except FenceClosed:  # the server waits for a message that will not come
            _drop(client)
            raise
        except (
            TransientError,
            PermanentError,
        ):  # after a reply, the server waits for the next message
            await self._keep(client)
            raise
        except BaseException:  # a cancelled task also leaves the connection in an unknown state
            _drop(client)
            raise
        await self._keep(client)
        return str(message["Message-ID"])

    async def probe(self) -> None:
        """Log in and out."""
        try:
            async with self._client():
                pass
        except _FAULTS as error:
            raise _before_data(error) from error

    async def close(self) -> None:
        """Close the idle connections."""
        self._closed = True
        while self._idle:
            await _leave(self._idle.pop())

    async def _addressed(self, address: str) -> Client:
        """Return a connection on which the server has accepted sender and recipient.

        Before the message itself nothing can be sent twice, so an idle connection that turns out to
        be closed is replaced by a new one.
        """
        self._idle = [client for client in self._idle if client.is_connected]
        if self._idle and await _answers(client := self._idle.pop()):
            try:
                return await self._envelope(client, address)
            except aiosmtplib.SMTPException as error:
                if not _is_gone(error):
                    raise
        client = self._client()
        await client.connect()
        return await self._envelope(client, address)

    async def _envelope(self, client: Client, address: str) -> Client:
        try:
            await self._introduce(client, address)
        except aiosmtplib.SMTPResponseException as error:
            if _is_gone(error):
                client.close()
            else:
                await self._keep(client)
            raise
        except UnsupportedAddress:
            raise
        except BaseException:
            client.close()
            raise
        return client

    async def _introduce(self, client: Client, address: str) -> None:
        """Send sender and recipient, with SMTPUTF8 if one of them needs it (RFC 6531, 3.4)."""
        ours = sender(self._settings)
        if (ours + address).isascii():
            await client.mail(ours)
            await client.rcpt(address)
            return
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
        if not client.supports_extension("smtputf8"):
            await self._keep(client)
            raise UnsupportedAddress(
                "letters outside ASCII before the @: the SMTP server does not offer SMTPUTF8"
            )
        await client.mail(ours, options=["SMTPUTF8"], encoding="utf-8")
        await client.rcpt(address, encoding="utf-8")

    async def _keep(self, client: Client) -> None:
        if self._closed or len(self._idle) >= KEPT_CONNECTIONS:
            await _leave(client)
        elif client.is_connected:
            self._idle.append(client)

    def _client(self) -> Client:
        config = self._config
        return Client(
            hostname=config.host,
            port=config.port,
            username=config.username or None,
            password=config.password.get_secret_value() or None,
            use_tls=config.security == "tls",
            start_tls=config.security == "starttls",
            timeout=config.timeout_seconds,
        )


async def _answers(client: Client) -> bool:
    """Return whether an idle connection works, and make the server forget the last envelope."""
    try:
        await client.rset()
    except aiosmtplib.SMTPException:
        client.close()
        return False
    return True


async def _leave(client: Client) -> None:
    with suppress(aiosmtplib.SMTPException):  # the server has already closed it
        await client.quit(timeout=GOODBYE_SECONDS)
    client.close()


async def _data(client: Client, message: EmailMessage, fence: Fence) -> None:
    try:
        content = message.as_bytes()
        with _guarded(client, fence):
            await client.data(content)
    except _LOST as error:
        if not fence.crossed:
            raise TransientError(f"the connection broke before the message: {error}") from error
        raise AmbiguousSend(f"the connection broke after the message went out: {error}") from error
    except aiosmtplib.SMTPResponseException as error:
        if not 400 <= error.code < 600:
            raise AmbiguousSend(f"no answer that SMTP knows: {error.message}") from error
        if _is_gone(error):
            client.close()
        raise _refused_message(error.code, error.message).coded(error.code) from error


def _refused_message(code: int, message: str) -> ProviderError:
    said = f"{code} {message}"
    if code < 500:
        return TransientError(said)
    return AccountError(said) if _OF_SENDER.search(message) else ContentRejected(said)


@contextmanager
def _guarded(client: Client, fence: Fence) -> Iterator[None]:
    """Check the fence between the server's reply to DATA and the message itself.

    A worker may stand still while it waits for that reply. aiosmtplib sends the command and the
    message in one call, so the check is in the connection's ``write``.
    """
    protocol = client.protocol
    assert protocol is not None, "it has just taken the recipient"
    write = protocol.write

    def guarded(data: bytes) -> None:
        if data != DATA:
            fence.cross()
        write(data)

    setattr(protocol, "write", guarded)  # noqa: B010 (mypy allows no method to be set)
    try:
        yield
    finally:
        delattr(protocol, "write")


def _drop(client: Client) -> None:
    """Close a connection, without sending what is still buffered."""
    if isinstance(client.transport, asyncio.WriteTransport):
        client.transport.abort()
    client.close()


def _is_gone(error: aiosmtplib.SMTPException) -> bool:
    """Return whether an error ended the connection; 421 may come at any time (RFC 5321, 3.8)."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return error.code in (CLOSING, aiosmtplib.SMTPStatus.invalid_response)
    return isinstance(error, _LOST)


def _before_data(error: aiosmtplib.SMTPException | OSError) -> ProviderError:
    meant = _meaning(error)
    code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else ""
    return meant.coded(code)


def _meaning(error: aiosmtplib.SMTPException | OSError) -> ProviderError:
    match error:
        case aiosmtplib.SMTPRecipientRefused():
            return _refused_recipient(error.code, error.message)
        case aiosmtplib.SMTPResponseException() if error.code >= 500:
            # the server refuses the greeting, STARTTLS, our credentials or our sender
            return AccountError(f"the SMTP server refuses us: {error.code} {error.message}")
        case aiosmtplib.SMTPResponseException():
            return TransientError(f"{error.code} {error.message}")
        case OSError():
            return TransientError(f"no SMTP connection: {error}")
    # the server lacks STARTTLS, or a login method that we know
    return AccountError(f"the SMTP server cannot do what the settings ask: {error}")


def _refused_recipient(code: int, message: str) -> ProviderError:
    """Return the error that a reply to RCPT means.

    aiosmtplib raises the same class for 550 and 451, and servers use 550 for many faults. The
    enhanced status code (RFC 3463) says whose fault it is, so that no valid address is suppressed.
    """
    enhanced = _ENHANCED.search(message)
    match enhanced.groups() if enhanced else None:
        case _ if code < 500:
            refused: type[ProviderError] = TransientError
        case ("1", "7" | "8"):  # the sender's address
            refused = AccountError
        case _ if _OF_SENDER.search(message):
            refused = AccountError
        case ("1", _) | ("2", "1"):  # bad address; disabled mailbox
            refused = InvalidRecipient
        case None if code in (550, 551, 553):
            refused = InvalidRecipient
        case _ if code == 530:  # authentication required
            refused = AccountError
        case _:  # a full mailbox, a policy
            refused = ContentRejected
    return refused(f"{code} {message}")


def compose(parcel: Parcel, settings: Settings) -> EmailMessage:
    """Compose a message with plain text, an HTML alternative and attachments.

    The Message-ID is derived from the ledger key, so that a mailbox that drops duplicates
    recognises a second attempt.
    """
    content, to = parcel.content, mailbox(parcel.address)
    ours = sender(settings)
    _, _, domain = ours.rpartition("@")
    # letters outside ASCII before the @ cannot be written in another way (RFC 6532)
    plain = (ours + to).isascii()
    message = EmailMessage(policy=_POLICY if plain else _POLICY.clone(utf8=True))
    message["From"] = from_header(settings)
    message["To"] = to
    message["Subject"] = content.subject
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = f"<{parcel.reference}@{domain}>"
    for name, value in content.headers.items():
        message[name] = value
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    for attachment in content.attachments:
        kind, _, subtype = attachment.media_type.partition("/")
        message.add_attachment(
            base64.b64decode(attachment.data),
            maintype=kind,
            subtype=subtype,
            filename=attachment.name,
        )
    return message
