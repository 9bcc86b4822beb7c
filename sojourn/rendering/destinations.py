"""The places that a message can lead to: what templates call ``links``."""

from functools import cached_property
from urllib.parse import quote

from jinja2 import TemplateRuntimeError

from sojourn.domain.addresses import normalised
from sojourn.domain.appointments import Appointment
from sojourn.domain.keys import plain
from sojourn.domain.links import (
    Attend,
    Confirm,
    Preferences,
    Renew,
    Score,
    Unsubscribe,
    attend_token,
    confirm_token,
    mailbox_mark,
    preferences_token,
    renew_token,
    score_token,
    unsubscribe_token,
    view_token,
)
from sojourn.domain.messages import Channel
from sojourn.domain.opt_ins import OptIn
from sojourn.domain.surveys import LASTS, is_score
from sojourn.rendering.context import RenderContext, Sender
from sojourn.rendering.subscription import Subscription
from sojourn.settings import Settings

NOWHERE = Settings.model_fields["public_url"].default
"""The address of an installation that nobody has given one: no customer reaches it."""


class Links:
    """The links of one message.

    Args:
        sender: the shop.
        context: what the message is about.
        channel: how it travels.
        opt_in: the request for confirmation that the message is about.
        appointment: the appointment that it is about.
        subscription: the one that the message is about.
    """

    def __init__(
        self,
        sender: Sender,
        context: RenderContext,
        channel: Channel,
        *,
        opt_in: OptIn | None = None,
        appointment: Appointment | None = None,
        subscription: Subscription | None = None,
    ) -> None:
        self._appointment = appointment
        self._opt_in = opt_in
        self._subscription = subscription
        self._mailbox = normalised(channel, context.customer.address(channel))
        self._survey = getattr(context.start, "campaign", "")
        self._answers_until = int((context.now + LASTS).timestamp())
        self._sender = sender
        self._customer_id = context.customer.customer_id
        # an SMS is paid by its length
        reference = context.reference if channel is Channel.EMAIL else ""
        self._wish = Unsubscribe(self._customer_id, channel, context.topic, reference)
        # the key as the shop wrote it: ours may be a digest
        in_cart = getattr(context.start, "cart_id", None) or ""
        self.cart = f"{sender.url}/cart" + (
            f"?cart_id={quote(in_cart, safe='')}" if in_cart else ""
        )
        ordered = getattr(context.start, "order_id", None) or ""
        self.review = f"{sender.url}/review" + (
            f"?order_id={quote(ordered, safe='')}" if ordered else ""
        )
        self.account = f"{sender.url}/account"
        self.help = f"{sender.url}/help"

    def renew(self, subscription_id: str) -> str:
        """Return a link to the page that renews a subscription for its next period."""
        about = self._subscription
        is_own = about is not None and plain(about.subscription_id) == plain(subscription_id)
        ends = about.expires_at if about is not None and is_own else None
        wish = Renew(self._customer_id, subscription_id, int(ends.timestamp()) if ends else 0)
        return f"{self._sender.public_url}/r/{renew_token(self._sender.secret, wish)}"

    @property
    def appointment(self) -> str:
        """A link to the page on which the customer confirms or cancels the appointment."""
        if self._appointment is None:
            raise TemplateRuntimeError("links.appointment: no event of the run tells of one")
        of = self._appointment
        wish = Attend(self._customer_id, of.appointment_id, int(of.starts_at.timestamp()))
        return f"{self._sender.public_url}/appointment/{attend_token(self._sender.secret, wish)}"

    @property
    def survey(self) -> str:
        """A link to the page on which the customer answers the question of a campaign."""
        return self.score(-1)

    def score(self, number: int) -> str:
        """Return a link to the same page, on which this answer is chosen: 0 to 10."""
        if not self._survey:
            raise TemplateRuntimeError("links.score: only the message of a campaign asks for one")
        if number != -1 and not is_score(number):
            raise TemplateRuntimeError("links.score: takes a whole number from 0 to 10")
        wish = Score(self._customer_id, self._survey, self._answers_until, number)
        return f"{self._sender.public_url}/s/{score_token(self._sender.secret, wish)}"

    @property
    def confirm(self) -> str:
        """A link to the page on which the customer confirms what was asked for."""
        if self._opt_in is None:
            raise TemplateRuntimeError("links.confirm: nothing was asked for that can be confirmed")
        mark = mailbox_mark(self._sender.secret, self._mailbox)
        wish = Confirm(self._customer_id, self._opt_in.number, mark)
        return f"{self._sender.public_url}/confirm/{confirm_token(self._sender.secret, wish)}"

    @property
    def view(self) -> str:
        """A link that shows this e-mail in a browser; empty for a preview and without a gateway."""
        if not self._wish.reference or self._sender.public_url == NOWHERE:
            return ""
        token = view_token(self._sender.secret, self._wish.reference)
        return f"{self._sender.public_url}/m/{token}"

    @property
    def preferences(self) -> str:
        """A link to all that the customer can choose."""
        wanted = Preferences(self._customer_id, self._wish.reference)
        token = preferences_token(self._sender.secret, wanted)
        return f"{self._sender.public_url}/preferences/{token}"

    @property
    def unsubscribe(self) -> str:
        """A link that ends messages of this topic by this channel."""
        return f"{self._sender.public_url}/u/{self._token}"

    @property
    def unsubscribe_mailto(self) -> str:
        """The same by e-mail, for the List-Unsubscribe header."""
        return f"mailto:{self._sender.email}?subject=unsubscribe%20{self._token}"

    @cached_property
    def _token(self) -> str:
        return unsubscribe_token(self._sender.secret, self._wish)
