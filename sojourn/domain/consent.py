"""Consent: what a customer's words amount to. Pure, over plain values."""

from collections.abc import Mapping
from dataclasses import dataclass

from sojourn.domain.messages import Channel, Reason


@dataclass(frozen=True)
class Consents:
    """The customer's words on consent, by channel and topic; the latest word counts.

    Args:
        by_channel: consent to promotional messages; the customer never agreed to an absent channel.
        refused: (channel, topic) pairs that the customer opted out of; channel None means every
            channel.
        agreed: (channel, topic) pairs that the customer said yes to; where the channel as a whole
            was refused, the yes is the later word.
        expired: the customer's word on these was a yes that holds no more; an empty topic means
            the channel.
        opens: the customer's word on being measured when an e-mail is opened; None: never said.
    """

    by_channel: Mapping[Channel, bool]
    refused: frozenset[tuple[Channel | None, str]] = frozenset()
    agreed: frozenset[tuple[Channel | None, str]] = frozenset()
    expired: frozenset[tuple[Channel | None, str]] = frozenset()
    opens: bool | None = None

    @property
    def topics_spoken_of(self) -> frozenset[tuple[Channel | None, str]]:
        """The (channel, topic) pairs that the customer has given a word on."""
        return self.refused | self.agreed | self.expired

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
        if pairs & self.expired or (needs_own_yes and not pairs & self.agreed):
            return Reason.NO_CONSENT
        return None
