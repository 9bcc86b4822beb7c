"""Copies of a campaign's message to people who are no recipients of it: tests, and seeds.

A copy goes through the provider as the message itself does. The ledger knows nothing of it, its
code is made up, nothing in it is measured, and its links change nothing for anybody.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel, Providers
from sojourn.domain import sms
from sojourn.domain.content import Content
from sojourn.domain.coupons import Pools
from sojourn.domain.customer import Customer
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel, Delivery
from sojourn.domain.only_to import OnlyTo
from sojourn.domain.places import Place
from sojourn.rendering.attachments import fetched
from sojourn.rendering.languages import language
from sojourn.rendering.render import Renderer
from sojourn.sending.drafting import context_of
from sojourn.sending.handing import hand_over
from sojourn.sending.specimens import specimen

HEADER = "X-Sojourn-Copy"
"""Marks an e-mail as a copy, and names its purpose."""
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_BANNER = (
    '<div style="background:#fff3c4;color:#3d2e00;padding:10px 16px;font:14px/1.4 sans-serif">'
    "{text}</div>"
)


@dataclass(frozen=True)
class Mark:
    """The words that mark a test in one language."""

    word: str
    text: str


_MARKS = {
    "en": Mark("Test", "This is a test. The code is made up, and the links change nothing."),
    "it": Mark("Prova", "Questa è una prova. Il codice è inventato e i link non cambiano nulla."),
    "pl": Mark("Test", "To jest test. Kod jest zmyślony, a linki niczego nie zmieniają."),
}


class Purpose(StrEnum):
    """The purpose of a copy."""

    TEST = "test"
    """Somebody looks at it before the launch; it says of itself that it is a test."""
    SEED = "seed"
    """It shows how the message arrives; only a header tells it from the others."""


class Copies:
    """Sends copies.

    Args:
        renderer: its links open nothing (`specimens.renderer_of`).
        carriers: the provider of each channel.
        pools: of the project: codes are made up.
        only_to: the addresses that this installation may write to; None: all.
        shop_url: the shop from which attached files may come.
        hosts: further hosts from which they may.
    """

    def __init__(
        self,
        renderer: Renderer,
        carriers: Providers,
        pools: Pools,
        *,
        only_to: OnlyTo | None,
        shop_url: str = "",
        hosts: Iterable[str] = (),
    ) -> None:
        self._renderer = renderer
        self._carriers = carriers
        self._pools = pools
        self._only_to = only_to
        self._shop_url = shop_url
        self._hosts = tuple(hosts)

    async def send(
        self,
        delivery: Delivery,
        customer: Customer,
        place: Place,
        purpose: Purpose,
        *,
        timezone: str,
        now: datetime,
    ) -> Content:
        """Send one copy, once.

        Args:
            delivery: the message.
            customer: the person that it addresses.
            place: where it goes.
            purpose: what it is for.
            timezone: the customer's, an IANA name.
            now: the moment.

        Returns:
            What was sent.

        Raises:
            BadInput: this installation may not write there.
            TemplateError: it cannot be rendered.
            NothingToSay: its template declined.
            ProviderError: the provider does not take it.
        """
        if self._only_to is not None and not self._only_to.allows(place.channel, place.address):
            raise BadInput("SOJOURN_ONLY_TO does not allow this address: nothing was sent to it")
        claim = specimen(
            delivery,
            customer,
            place.channel,
            address=place.address,
            timezone=timezone,
            pools=self._pools,
            now=now,
        )
        said = self._renderer.render(context_of(delivery, claim, reference=""), place.channel)
        whole = await fetched(marked(said, purpose), self._shop_url, self._hosts)
        # a name of its own, so that no provider takes it for a repetition
        key = f"{purpose}:{delivery.campaign}:{uuid4().hex}"
        parcel = Parcel(key, place.address, whole, delivery.message_class)
        await hand_over(self._carriers[place.channel], parcel, Fence())
        return whole


def marked(content: Content, purpose: Purpose) -> Content:
    """Return a copy's words; a test says that it is one, in the language that it is in.

    Args:
        content: as customers get it. The text of WhatsApp's approved templates cannot be changed.
        purpose: of the copy.

    Returns:
        The words.
    """
    if content.channel is Channel.EMAIL:
        content = replace(content, headers={**content.headers, HEADER: purpose.value})
    if purpose is Purpose.SEED:
        return content
    mark = _MARKS.get(language(content.locale), _MARKS["en"])
    begins = f"[{mark.word}] "
    match content.channel:
        case Channel.EMAIL:
            return replace(
                content,
                subject=begins + content.subject,
                html=_with_banner(content.html, _BANNER.format(text=mark.text)),
                text=f"{mark.text}\n\n{content.text}",
            )
        case Channel.PUSH:
            return replace(content, title=begins + content.title)
        case Channel.SMS:
            text = begins + content.text
            return replace(content, text=text, segments=sms.segments(text).count)
        case Channel.WHATSAPP:
            return replace(content, text=begins + content.text) if content.text else content


def _with_banner(html: str, banner: str) -> str:
    found = _BODY.search(html)
    return banner + html if found is None else html[: found.end()] + banner + html[found.end() :]
