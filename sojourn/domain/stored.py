"""Stored events, runs, words and refusals, as rules read them: rows of a table, or in memory."""

from datetime import datetime
from typing import Any, Protocol


class StoredEvent(Protocol):
    """An event as it was kept. ``seq`` is its order of arrival."""

    @property
    def seq(self) -> int | None:
        """Its number; None: it has none yet."""

    @property
    def message_id(self) -> str:
        """The sender's id of it."""

    @property
    def customer_id(self) -> str:
        """The id that holds everything."""

    @property
    def sent_as(self) -> str | None:
        """The id that it was stored under, if an alias call has moved it since."""

    @property
    def name(self) -> str:
        """Its wire name."""

    @property
    def occurred_at(self) -> datetime:
        """When it happened."""

    @property
    def received_at(self) -> datetime:
        """When it arrived, by the machine's clock."""

    @property
    def routed_at(self) -> datetime | None:
        """When the runs concerned were told; None: they are still to be told."""

    @property
    def properties(self) -> dict[str, Any]:
        """Those that were understood, under the names of the event's fields."""


class NotedRun(Protocol):
    """A run that was started."""

    @property
    def id(self) -> int | None:
        """Its number."""

    @property
    def workflow_id(self) -> str:
        """Its name: ``abandoned-cart:c42:cart7``."""

    @property
    def journey(self) -> str:
        """The name of its journey."""

    @property
    def key(self) -> str:
        """Its key."""

    @property
    def shadow(self) -> bool:
        """It began in shadow."""

    @property
    def delayed_until(self) -> datetime | None:
        """When the delay of its start is over, by Temporal's clock; None: it had none."""


class Said(Protocol):
    """A statement of consent or refusal."""

    @property
    def id(self) -> int | None:
        """Its number."""

    @property
    def channel(self) -> str:
        """The channel that it is about; empty: every one."""

    @property
    def topic(self) -> str:
        """The topic; empty: promotional messages of any."""

    @property
    def purpose(self) -> str | None:
        """The use that it is about; None: messages."""

    @property
    def granted(self) -> bool:
        """The customer agrees."""

    @property
    def at(self) -> datetime:
        """The moment of the statement."""

    @property
    def received_at(self) -> datetime | None:
        """Its newest arrival."""

    @property
    def expires_at(self) -> datetime | None:
        """A consent holds until this moment; None: until it is withdrawn."""


class Asking(Said, Protocol):
    """A statement that asks for a confirmation (`domain.opt_ins`)."""

    @property
    def source(self) -> str:
        """The message id of the event that made it."""

    @property
    def address(self) -> str | None:
        """The address that is to be confirmed; None: nobody knew one."""

    @property
    def wording(self) -> str | None:
        """The exact text that the customer agreed to."""


class Refused(Protocol):
    """A refusal that was read."""

    @property
    def channel(self) -> str:
        """The channel that is refused."""

    @property
    def address(self) -> str:
        """The address as it is compared, or its digest."""

    @property
    def topic(self) -> str:
        """The topic; empty: any."""

    @property
    def at(self) -> datetime:
        """When it arrived."""

    @property
    def source(self) -> str:
        """The report or the link that it comes from."""
