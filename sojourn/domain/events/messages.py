"""Events of our own messages: what became of them, as providers and our own links report it."""

from sojourn.domain.events.fields import Personal
from sojourn.domain.events.runs import RunEvent
from sojourn.domain.intents import Intent


class MessageEvent(RunEvent, name=""):
    """Something happened to a message of ours. Providers' webhooks and our own links tell it.

    Only the run that sent the message hears it.
    """

    step: str | None = None
    channel: str | None = None


class EmailLinkClicked(MessageEvent, name="Email Link Clicked"):
    """A link in one of our e-mails was clicked, as another program tells it."""

    url: Personal = None


class MessageDelivered(MessageEvent, name="Message Delivered"):
    """A message of ours arrived."""


class MessageDeferred(MessageEvent, name="Message Deferred"):
    """The recipient's side does not take a message of ours yet; the provider goes on trying."""


class MessageFailed(MessageEvent, name="Message Failed"):
    """The provider gave up on a message of ours, for no fault of the address."""


class MessageBounced(MessageEvent, name="Message Bounced"):
    """The recipient's side refused a message of ours; `hard` says that the address is dead."""

    hard: bool = False


class MessageOpened(MessageEvent, name="Message Opened"):
    """A message of ours was opened, or prefetched: do not branch on it."""


class MessageRead(MessageEvent, name="Message Read"):
    """A message of ours was read."""


class MessageClicked(MessageEvent, name="Message Clicked"):
    """A link in a message of ours was followed."""

    url: Personal = None


class MessageUnsubscribed(MessageEvent, name="Message Unsubscribed"):
    """The customer asked by a message of ours to get no more of its kind."""

    topic: str | None = None


class MessageComplained(MessageEvent, name="Message Complained"):
    """The customer called a message of ours spam."""


class MessageReplied(MessageEvent, name="Message Replied"):
    """The customer answered a message of ours."""

    text: Personal = None
    intent: Intent = Intent.OTHER
    """The answer in one word, found when it arrives; its text is in the store alone."""
    number: int | None = None
