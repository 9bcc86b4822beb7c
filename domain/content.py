"""A rendered message, by channel: what a provider gets to send and the ledger archives."""

from dataclasses import asdict, dataclass, field
from typing import Any

from domain.messages import Channel


@dataclass(frozen=True)
class Content:
    """What a customer reads. Which fields are filled depends on the channel.

    Args:
        channel: how it travels.
        template: which file said it: ``abandoned-cart/reminder.email.it``.
        locale: the language it is in.
        subject: e-mail.
        preheader: e-mail; the line a mailbox shows after the subject.
        html: e-mail.
        text: e-mail's plain part; SMS; WhatsApp.
        title: push.
        body: push.
        url: push; where a tap leads.
        headers: e-mail headers beyond From, To, Subject, Date and Message-ID.
        codes: offer codes that the message hands out.
    """

    channel: Channel
    template: str
    locale: str
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    title: str = ""
    body: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    codes: tuple[str, ...] = ()

    def filled(self) -> dict[str, Any]:
        """The fields that hold something, as JSON values."""
        return {name: value for name, value in asdict(self).items() if value}
