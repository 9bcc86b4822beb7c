"""Customers' replies to text messages."""

from dataclasses import dataclass

from sojourn.cli.season.agenda import Body, track
from sojourn.domain.intents import read_intent

WRITTEN_TO = ("sms", "whatsapp")
"""The channels on which a customer can reply."""
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
    """A received message.

    Args:
        journey: the journey that sent it.
        step: the step that sent it.
        channel: its channel.
        promotional: whether it is promotional.
        run: the workflow id of the run.
    """

    journey: str
    step: str
    channel: str
    promotional: bool
    run: str


def written_back(letter: Letter, words: dict[str, str], locale: str) -> Body:
    """Create the call for a reply, like one that a provider's webhook leads to.

    Args:
        letter: the message that is answered.
        words: the reply in each language.
        locale: the customer's locale.

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
