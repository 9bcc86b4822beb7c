"""Harm: shares of complaints and bounces that cost a sender's name with mailbox providers.

Google and Yahoo ask bulk senders to stay below 0.3 % complaints, and to aim for less than 0.1 %.
Amazon looks into accounts from 5 % bounces on. What counts is the share that is certain
(`domain.brakes.certain_share`), of a week's messages, and only if there are enough of them.
"""

from dataclasses import dataclass

from sojourn.domain.alerts.alert import Kind
from sojourn.domain.brakes import certain_share

COMPLAINTS_AIM, COMPLAINTS_LIMIT, BOUNCES_LIMIT = 0.001, 0.003, 0.05
LEAST = 1000
"""E-mails of a week: a share of fewer says little."""
LIMITS = {
    Kind.COMPLAINTS_HIGH: COMPLAINTS_AIM,
    Kind.COMPLAINTS_OVER: COMPLAINTS_LIMIT,
    Kind.BOUNCES_OVER: BOUNCES_LIMIT,
}


@dataclass(frozen=True)
class Mailbox:
    """The e-mails of a week to a mailbox provider.

    Args:
        name: of the provider; ``all`` of all of them.
        sent: those that left.
        bounced: of these, those whose address takes nothing.
        complained: of these, those that their readers call spam.
    """

    name: str
    sent: int
    bounced: int
    complained: int

    def number(self, kind: Kind) -> int:
        """Return how many did harm of a kind."""
        return self.bounced if kind is Kind.BOUNCES_OVER else self.complained

    def is_over(self, kind: Kind) -> bool:
        """Tell whether the share is certainly over the limit of a kind."""
        return self.sent >= LEAST and certain_share(self.number(kind), self.sent) > LIMITS[kind]

    def is_still(self, kind: Kind) -> bool:
        """Tell whether it is not back below the limit of a kind."""
        return self.number(kind) > LIMITS[kind] * self.sent
