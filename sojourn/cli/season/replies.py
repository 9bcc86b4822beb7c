"""Customers write back to text messages, in their words."""

from dataclasses import dataclass

from sojourn.cli.season.agenda import Body, track
from sojourn.domain.intents import read_intent

WRITTEN_TO = ("sms", "whatsapp")
"""The channels by which a customer can write back."""
YES = {"en": "Yes, thanks", "it": "Sì, grazie", "pl": "Tak, potwierdzam"}
NO = {"en": "No, I can't", "it": "No, non posso", "pl": "Nie mogę"}
STOP = {"en": "STOP", "it": "STOP", "pl": "STOP"}
OTHER = {
    "en": "Could you ring me in the evening?",
    "it": "Potete chiamarmi in serata?",
    "pl": "Czy można do mnie zadzwonić wieczorem?",
}


@dataclass(frozen=True)
class Letter:
    """A message that arrived.

    Args:
        journey: that sent it.
        step: of it.
        channel: by which it came.
        promotional: whether it is.
        run: the workflow id.
    """

    journey: str
    step: str
    channel: str
    promotional: bool
    run: str


def written_back(letter: Letter, words: dict[str, str], locale: str) -> Body:
    """Make the call that tells of a reply, as the webhook of a provider amounts to.

    Args:
        letter: that is answered.
        words: the reply in each language.
        locale: of the customer.

    Returns:
        The call's body.
    """
    text = words[locale[:2]]
    return track(
        "Message Replied",
        journey=letter.journey,
        run=letter.run,
        step=letter.step,
        channel=letter.channel,
        text=text,
        intent=read_intent(text, language=locale).intent.value,
    )
