"""Events of double opt-in: a customer asks for messages, and confirms it by the address."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, model_validator

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import Key, Moment, Personal


def _small(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    return "email" if text == "e-mail" else text


OptInChannel = Annotated[Literal["email", "sms"], BeforeValidator(_small)]
"""The channels whose addresses somebody types, and may mistype or invent."""


class _OptIn(Event, name=""):
    """Something about one channel and topic."""

    made: ClassVar[tuple[str, ...]] = ("opt_in",)

    channel: OptInChannel
    topic: Key = ""
    """Empty means promotional messages on any topic."""
    opt_in: Key = ""
    """Channel and topic in one: ``email/newsletter``. It tells a customer's requests apart."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        channel, topic = _small(values.get("channel")), values.get("topic") or ""
        return {**values, "topic": topic, "opt_in": f"{channel}/{topic}"}


class OptInRequested(_OptIn, name="Opt-In Requested"):
    """The customer asked for messages, and is to confirm it: no consent until then."""

    address: Personal = None
    wording: Personal = None
    wording_version: Personal = None
    locale: Personal = None
    proof: Personal = None
    expires_at: Moment | None = None
    """When the consent ends, once it is confirmed."""


class OptInConfirmed(_OptIn, name="Opt-In Confirmed"):
    """The customer agreed to what they had asked for. Sojourn writes it, no service sends it."""


class OptInWithdrawn(_OptIn, name="Opt-In Withdrawn"):
    """The customer said no to what they had asked for. Sojourn writes it, no service sends it."""
