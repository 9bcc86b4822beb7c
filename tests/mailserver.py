"""A real SMTP server with scripted replies, which records what it truly accepted."""

from asyncio import Transport
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from starter.processes import HOST, free_port


@dataclass
class MailServer:
    """Answers 250 unless a reply is scripted; may accept a message and hang up."""

    accepted: list[EmailMessage] = field(default_factory=list)
    rcpt_reply: str = ""
    data_reply: str = ""
    refusals: int = -1  # how often data_reply is given; -1: always
    hang_up_after_data: bool = False

    def __post_init__(self) -> None:
        self.port = free_port()
        self._controller = Controller(self, hostname=HOST, port=self.port)

    def start(self) -> None:
        """Listen."""
        self._controller.start()

    def stop(self) -> None:
        """Stop listening."""
        self._controller.stop()

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's hook)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient."""
        if self.rcpt_reply:
            return self.rcpt_reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 (aiosmtpd's hook)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take a message."""
        if self.data_reply and self.refusals != 0:
            self.refusals -= 1
            return self.data_reply
        assert isinstance(envelope.content, bytes)
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.accepted.append(parsed)
        if self.hang_up_after_data:
            cast(Transport, server.transport).abort()
        return "250 accepted"
