"""Consent: a customer's words, and what they amount to. Pure, over plain values."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from sojourn.domain.messages import Channel, Reason
from sojourn.domain.value_class import value_class

Pair = tuple[Channel | None, str]
"""A channel and a topic: None means every channel, an empty topic means any topic."""


class Purpose(StrEnum):
    """The use that a word on consent is about."""

    MESSAGES = "messages"
    """To be sent promotional messages."""
    OPENS = "opens"
    """To be measured when an e-mail is opened."""
    PENDING = "pending"
    """To be sent promotional messages once the customer has confirmed it: no consent until then,
    and no refusal."""


@value_class
class Evidence:
    """The circumstances of a word on consent, as far as its sender tells them.

    Args:
        address: that the word is about; personal.
        wording: the exact text that the customer agreed to.
        wording_version: its version, by the sender's own count.
        locale: of that text: ``it-IT``.
        proof: where the word can be proved: a form's number, a network address; personal.
        expires_at: a yes holds until this moment; None: until it is withdrawn.
    """

    address: str = ""
    wording: str = ""
    wording_version: str = ""
    locale: str = ""
    proof: str = ""
    expires_at: datetime | None = None


@value_class
class Statement:
    """One word on consent, with its circumstances.

    Args:
        channel: None means every channel; it takes a topic.
        granted: the customer agrees; False means a refusal.
        topic: empty means promotional messages on any topic.
        purpose: the use that it is about; `Purpose.OPENS` has neither channel nor topic.
        evidence: its circumstances.
    """

    channel: Channel | None
    granted: bool
    topic: str = ""
    purpose: Purpose = Purpose.MESSAGES
    evidence: Evidence = Evidence()


@value_class
class Consents:
    """The customer's words on consent, by channel and topic; the latest word counts.

    Args:
        by_channel: consent to promotional messages; the customer never agreed to an absent channel.
        refused: (channel, topic) pairs that the customer opted out of; channel None means every
            channel.
        agreed: (channel, topic) pairs that the customer said yes to; where the channel as a whole
            was refused, the yes is the later word.
        expired: pairs with a yes that has run out, and its end; an empty topic means the channel.
        opens: the customer's word on being measured when an e-mail is opened; None: never said.
    """

    by_channel: Mapping[Channel, bool]
    refused: frozenset[Pair] = frozenset()
    agreed: frozenset[Pair] = frozenset()
    expired: Mapping[Pair, datetime] = field(default_factory=dict)
    opens: bool | None = None

    @property
    def topics_spoken_of(self) -> frozenset[Pair]:
        """The (channel, topic) pairs that the customer has given a word on."""
        return self.refused | self.agreed | self.expired.keys()

    def refusal(
        self, channel: Channel, topic: str, *, needs_own_yes: bool = False
    ) -> Reason | None:
        """Return why a promotional message may not go; None if it may.

        A yes to a topic by a channel is consent to that, whether or not the customer agreed to
        other messages by the channel. A yes to a topic by every channel opens no channel.

        Args:
            channel: the message's.
            topic: the message's.
            needs_own_yes: consent to the channel is not enough (`domain.topics.Default`).

        Returns:
            The reason; None if the customer's words permit the message.
        """
        own = (channel, topic) in self.agreed
        if not self.by_channel.get(channel, False) and not own:
            return Reason.NO_CONSENT
        pairs = {(channel, topic), (None, topic)}
        if pairs & self.refused:
            return Reason.OPTED_OUT
        if pairs & self.expired.keys() or (needs_own_yes and not pairs & self.agreed):
            return Reason.NO_CONSENT
        return None
