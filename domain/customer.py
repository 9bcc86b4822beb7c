"""The customer card: who somebody is and how to reach them. Never enters a workflow."""

from dataclasses import dataclass, field
from typing import Any

from domain.messages import Channel


@dataclass(frozen=True)
class Customer:
    """A customer as the store knows them now.

    Args:
        customer_id: opaque; never an address.
        known: an identify call was seen; an event alone does not make somebody known.
        erased: the person asked to be forgotten.
        first_name: for greetings; may be missing.
        email: address for e-mail.
        phone: E.164, for SMS and WhatsApp.
        push_token: of the customer's device.
        locale: BCP 47 as given: ``it-IT``; empty if not known.
        timezone: IANA name as given; empty if not known.
        attributes: everything else that identify calls said.
    """

    customer_id: str
    known: bool = False
    erased: bool = False
    first_name: str = ""
    email: str = ""
    phone: str = ""
    push_token: str = ""
    locale: str = ""
    timezone: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)

    def address(self, channel: Channel) -> str:
        """Where this channel reaches the customer; empty if nowhere."""
        match channel:
            case Channel.EMAIL:
                return self.email
            case Channel.PUSH:
                return self.push_token
            case Channel.SMS | Channel.WHATSAPP:
                return self.phone

    @property
    def reachable(self) -> frozenset[Channel]:
        """The channels that have an address."""
        return frozenset(channel for channel in Channel if self.address(channel))
