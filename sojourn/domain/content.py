"""A rendered message, by channel: what a provider gets to send and the ledger archives."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from sojourn.domain.messages import Channel


@dataclass(frozen=True)
class Attachment:
    """A file that comes with an e-mail.

    Args:
        name: as the reader sees it: ``invoice-1207.pdf``.
        media_type: ``application/pdf``.
        data: its bytes, in base64.
    """

    name: str
    media_type: str
    data: str


@dataclass(frozen=True)
class Wanted:
    """A file that an e-mail takes along, before it is fetched.

    Args:
        name: as the reader will see it: ``invoice-1207.pdf``.
        url: where it is.
    """

    name: str
    url: str


@dataclass(frozen=True)
class Content:
    """The words and pictures that a customer gets; the channel decides which fields are filled.

    Args:
        channel: how it travels.
        template: which file said it: ``abandoned-cart/reminder.email.it``.
        locale: the language it is in.
        subject: e-mail.
        preheader: e-mail; the line a mailbox shows after the subject.
        html: e-mail.
        attachments: e-mail.
        files: e-mail; attachments that are still to be fetched.
        text: e-mail's plain part; SMS; WhatsApp's free text.
        segments: SMS; how many it is billed as.
        approved: WhatsApp; the name of the approved template, which is what is sent, even if there
            is a text. Empty: free text.
        variables: WhatsApp; what fills the approved template's placeholders, in order.
        title: push.
        body: push.
        url: push; where a tap leads.
        image: push; URL of a picture.
        collapse_key: push; a newer message with the same one takes its place on the screen.
        headers: e-mail headers beyond From, To, Subject, Date and Message-ID.
        codes: offer codes that the message hands out.
    """

    channel: Channel
    template: str
    locale: str
    subject: str = ""
    preheader: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    files: tuple[Wanted, ...] = ()
    text: str = ""
    segments: int = 0
    approved: str = ""
    variables: tuple[str, ...] = ()
    title: str = ""
    body: str = ""
    url: str = ""
    image: str = ""
    collapse_key: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    codes: tuple[str, ...] = ()

    @classmethod
    def kept(cls, values: Mapping[str, Any]) -> Self:
        """Return the content of these values, which `filled` gave; leave out unknown fields."""
        names = {field.name for field in fields(cls)}
        said = {name: value for name, value in values.items() if name in names}
        for name in ("codes", "variables"):
            if name in said:
                said[name] = tuple(said[name])
        said["channel"] = Channel(said["channel"])
        said["attachments"] = tuple(Attachment(**a) for a in said.get("attachments", ()))
        said["files"] = tuple(Wanted(**f) for f in said.get("files", ()))
        return cls(**said)

    def free(self) -> Self:
        """Return it as WhatsApp takes it within the 24 hours: in our own words, if it has any."""
        return replace(self, approved="", variables=()) if self.text else self

    def filled(self) -> dict[str, Any]:
        """Return the fields that hold something, as JSON values."""
        return {name: value for name, value in asdict(self).items() if value}
