"""A real SMTP server with scripted replies, which records every message that it accepts."""

import asyncio
import ssl
import threading
from asyncio import Transport
from collections import deque
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from sojourn.cli.local.processes import HOST, free_port


@dataclass
class MailServer:
    """A server that answers 250 unless a reply is scripted."""

    accepted: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    lines: set[int] = field(default_factory=set)
    """The ports that messages came from: one for each connection that was used."""
    rcpt_reply: str = ""
    data_reply: str = ""
    refusals: int = -1
    """The number of times that `data_reply` is given; -1 means always."""
    replies: dict[str, str] = field(default_factory=dict)
    """Replies to MAIL and RSET."""
    hang_up_at: deque[str] = field(default_factory=deque)
    """Commands at which the server closes the connection, once each."""
    hang_up_after_data: bool = False
    hang_after_data: bool = False
    login: tuple[str, str] | None = None
    """The name and password that the server requires."""
    smtputf8: bool = True
    """The server takes addresses with letters outside ASCII."""
    tls: ssl.SSLContext | None = None
    """The certificate for STARTTLS; None means that the server does not offer it."""
    taken: threading.Event = field(default_factory=threading.Event)
    """Set once a message has been accepted."""

    def __post_init__(self) -> None:
        self.port = free_port()
        self._transports: set[Transport] = set()
        self._controller: Controller

    def start(self) -> None:
        """Listen."""
        self._controller = Controller(
            self,
            hostname=HOST,
            port=self.port,
            auth_require_tls=False,
            tls_context=self.tls,
            enable_SMTPUTF8=self.smtputf8,
            authenticator=self._authenticate,
        )
        self._controller.start()

    def stop(self) -> None:
        """Stop listening."""
        self._controller.stop()

    def hang_up(self) -> None:
        """Close all connections, as servers do with idle ones."""
        done = asyncio.run_coroutine_threadsafe(self._hang_up(), self._controller.loop)
        done.result(timeout=5)

    async def _hang_up(self) -> None:
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    async def handle_MAIL(  # noqa: N802 (aiosmtpd's hook)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a sender."""
        self._see(server, session)
        if self.login is not None and not session.authenticated:
            return "530 5.7.0 authentication required"
        if self._hangs_up(server, "MAIL") or "MAIL" in self.replies:
            return self.replies.get("MAIL", "")
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's hook)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a recipient."""
        if self._hangs_up(server, "RCPT") or self.rcpt_reply:
            return self.rcpt_reply
        envelope.rcpt_tos.append(address)
        self.recipients.append(address)
        return "250 OK"

    async def handle_RSET(  # noqa: N802 (aiosmtpd's hook)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Forget sender and recipient."""
        self._hangs_up(server, "RSET")
        return self.replies.get("RSET", "250 OK")

    async def handle_DATA(  # noqa: N802 (aiosmtpd's hook)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Accept a message."""
        if self.data_reply and self.refusals != 0:
            self.refusals -= 1
            return self.data_reply
        assert isinstance(envelope.content, bytes)
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.accepted.append(parsed)
        self.taken.set()
        if self.hang_after_data:
            await asyncio.Event().wait()
        if self.hang_up_after_data:
            cast(Transport, server.transport).abort()
        return "250 accepted"

    def _see(self, server: SMTP, session: Session) -> None:
        assert session.peer is not None
        self.lines.add(int(session.peer[1]))
        self._transports.add(cast(Transport, server.transport))

    def _hangs_up(self, server: SMTP, command: str) -> bool:
        if not self.hang_up_at or self.hang_up_at[0] != command:
            return False
        self.hang_up_at.popleft()
        cast(Transport, server.transport).abort()
        return True

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        right = self.login == (given.login.decode(), given.password.decode())
        return AuthResult(success=right, handled=False)
