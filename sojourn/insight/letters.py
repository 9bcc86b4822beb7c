"""`Letter`: a message that went out, as `sojourn outbox` shows it."""

from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sojourn.domain import sms
from sojourn.domain.errors import Unavailable, UnknownName
from sojourn.domain.messages import Channel
from sojourn.home import private_file, private_folder
from sojourn.settings import Settings
from sojourn.store import Store, cards, ledger, people
from sojourn.store.tables import ContentRow, LedgerRow

EXCERPT = 60


class Letter(BaseModel):
    """One message with its full text.

    Args:
        id: its number in the ledger.
        at: the moment of the gate's decision, by the journey's clock.
        customer_id: the customer.
        address: the address that it went to.
        journey: the name of the journey.
        workflow_id: the run.
        step: the message of the journey.
        channel: the channel.
        provider: the provider that carried it.
        provider_id: the provider's id for it.
        possible_duplicate: a first copy may have arrived before.
        content: the text that the customer reads; its fields depend on the channel.
    """

    id: int
    at: datetime
    customer_id: str
    address: str
    journey: str
    workflow_id: str
    step: str
    channel: Channel
    provider: str | None
    provider_id: str | None
    possible_duplicate: bool
    content: dict[str, Any]

    @property
    def headline(self) -> str:
        """The subject, the title, or else the beginning of the text."""
        return self._said("subject", "title") or _excerpt(self._said("text", "body", "approved"))

    @property
    def length(self) -> str:
        """The length of an SMS: ``2 segments, UCS-2``; empty for other channels."""
        return str(sms.segments(self._said("text"))) if self.channel is Channel.SMS else ""

    @property
    def approved(self) -> str:
        """WhatsApp's template with its variables: ``onboarding_help (Ada, Tern & Oak)``."""
        variables = ", ".join(self.content.get("variables", ()))
        return self._said("approved") + (f" ({variables})" if variables else "")

    @property
    def files(self) -> str:
        """The names of the attachments: ``event.ics, invoice.pdf``."""
        return ", ".join(
            file["name"] for part in ("attachments", "files") for file in self.content.get(part, ())
        )

    def page(self) -> str:
        """Return an HTML page: an e-mail as rendered, other messages on the screen of a phone."""
        if html := self._said("html"):
            return html
        title, url = escape(self._said("title")), escape(self._said("url"))
        return _PHONE.format(
            heading=escape(f"{self.channel} to {self.address}"),
            title=f"<strong>{title}</strong><br>" if title else "",
            text=escape(self._said("text", "body") or self.approved).replace("\n", "<br>"),
            link=f'<p><a href="{url}">{url}</a></p>' if url else "",
        )

    def write(self, folder: Path) -> Path:
        """Write the page into ``folder``.

        Raises:
            Unavailable: the folder cannot be written to.
        """
        path = folder.resolve() / f"{self.id}.html"
        try:
            private_folder(path.parent)
            private_file(path)
            path.write_text(self.page(), encoding="utf-8")
        except OSError as error:
            raise Unavailable(f"cannot write {path}: {error.strerror}") from None
        return path

    def _said(self, *fields: str) -> str:
        """Return the first of these fields of the content that is not empty."""
        return next((str(self.content[name]) for name in fields if self.content.get(name)), "")


def write_page(letter: Letter, file: Path) -> Path:
    """Write a message as a page, for its owner alone.

    Args:
        letter: the message.
        file: the file to write.

    Returns:
        The file.

    Raises:
        Unavailable: it cannot be written.
    """
    try:
        private_file(file)
        file.write_text(letter.page(), encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"cannot write {file}: {error.strerror}") from None
    return file


async def newest(store: Store, customer_id: str | None, limit: int) -> list[Letter]:
    """Read the newest messages that were sent.

    Args:
        store: the open store.
        customer_id: only messages to this customer; None: to all.
        limit: the most messages.

    Returns:
        The messages, newest first.

    Raises:
        UnknownName: there is no such customer.
    """
    async with store.reading() as session:
        if customer_id is not None:
            customer = await cards.find(session, customer_id)
            if customer is None:
                raise unknown_customer(customer_id)
            customer_id = customer.customer_id
        rows = await ledger.outbox(session, customer_id=customer_id, limit=limit)
        return [letter_of(row, content) for row, content in rows]


async def numbered(store: Store, number: int, customer_id: str | None = None) -> Letter:
    """Read the message with this number in the ledger.

    Args:
        store: the open store.
        number: its number in the ledger.
        customer_id: only if it went to this customer.

    Returns:
        The message.

    Raises:
        UnknownName: no message has the number, or it was never handed to a provider.
    """
    async with store.reading() as session:
        if customer_id is not None:
            customer_id = await people.resolve(session, customer_id)
        row = await session.get(LedgerRow, number)
        content = await session.get(ContentRow, number)
        if row is None or content is None or customer_id not in (None, row.customer_id):
            raise UnknownName("message", str(number), hint="`sojourn outbox` lists their numbers")
        return letter_of(row, content)


def folder(settings: Settings) -> Path:
    """Return the folder for messages that are opened in a browser."""
    return settings.home / "outbox"


def unknown_customer(customer_id: str) -> UnknownName:
    """Return the error for an id that no identify call and no event ever named."""
    return UnknownName(
        "customer", customer_id, hint="no identify call and no event ever named this id"
    )


def letter_of(row: LedgerRow, content: ContentRow) -> Letter:
    """Return a message of the ledger with its text."""
    assert row.id is not None
    return Letter(
        id=row.id,
        at=row.decided_at,
        customer_id=row.customer_id,
        address=content.address,
        journey=row.journey,
        workflow_id=row.workflow_id,
        step=row.step,
        channel=Channel(row.channel),
        provider=row.provider,
        provider_id=row.provider_id,
        possible_duplicate=row.possible_duplicate,
        content=content.content,
    )


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else f"{line[: EXCERPT - 1].rstrip()}…"


_PHONE = """<!doctype html>
<html><head><meta charset="utf-8"><title>{heading}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body style="background:#e7e9ee;font-family:system-ui,sans-serif;padding:32px">
<p style="color:#5b6270;font-size:13px;text-align:center">{heading}</p>
<div style="max-width:360px;margin:0 auto;background:#fff;border-radius:18px;padding:18px 20px;
line-height:1.45;overflow-wrap:anywhere">{title}{text}{link}</div>
</body></html>
"""
