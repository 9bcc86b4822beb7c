"""`Message`: one message of a journey, as the journey's class declares it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cached_property, lru_cache

from sojourn.domain.limits import AtCap, AtMost
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.week import read_week

_NAME = re.compile(r"[a-z\d]+(-[a-z\d]+)*", re.ASCII)


@dataclass(frozen=True, init=False)
class Message:
    """One message of a journey: its step, the channels it may take, and how long it is of use.

    An attribute of a journey's class; the step takes its name from the attribute::

        first_steps = Message(EMAIL, useful_for=hours(24))  # the step "first-steps"

    Args:
        channels: in order of preference. The first one that reaches the customer is used; a message
            never takes two.
        useful_for: how long after its moment the message is still worth sending.
        topic: what the customer can say no to; the journey's own topic if left out.
        message_class: decides which rules the gate applies.
        template: the template's name; the step's name if left out.
        step: the step's name, for a message that is not an attribute.
        within: hours of the customer's week outside of which it is held, in addition to the
            project's policy: ``"mon-fri 09:00-18:00"``.
        at_most: a limit of this step alone: ``at_most(1, per=days(30))``.
        at_cap: what it does where a cap of the policy or ``at_most`` leaves no room: `WAIT` or
            `GIVE_WAY`; what the policy says if left out.
        coupon: the pool of ``coupons.toml`` from which it hands out a code; none if left out.

    Raises:
        TypeError: no channel, one of them twice, or hours or a limit for a message that is never
            held.
        ValueError: ``useful_for`` is not positive, a name is not kebab-case, or the hours cannot be
            read.
    """

    channels: tuple[Channel, ...]
    useful_for: timedelta
    topic: str
    message_class: MessageClass
    template: str
    step: str
    within: str
    at_most: AtMost | None
    at_cap: AtCap | None
    coupon: str
    _variant_of: "Message | None" = field(repr=False)

    def __init__(
        self,
        *channels: Channel,
        useful_for: timedelta,
        topic: str = "",
        message_class: MessageClass = MessageClass.PROMOTIONAL,
        template: str = "",
        step: str = "",
        within: str = "",
        at_most: AtMost | None = None,
        at_cap: AtCap | None = None,
        coupon: str = "",
    ) -> None:
        if not channels or len(set(channels)) < len(channels):
            raise TypeError("a message names one channel or several different ones: Message(EMAIL)")
        if useful_for <= timedelta(0):
            raise ValueError("a message is useful for some time: useful_for=hours(24)")
        if (at_most or at_cap) and message_class is not MessageClass.PROMOTIONAL:
            raise TypeError(f"a {message_class} message is never held by a cap: leave that out")
        for name in (template, step):
            if name and not _NAME.fullmatch(name):
                raise ValueError(f'"{name}" is not kebab-case: write it like "first-steps"')
        if within:
            if message_class is not MessageClass.PROMOTIONAL:
                raise TypeError(f"{message_class} messages are never held: leave within= out")
            try:
                read_week(within)
            except ValueError as error:
                raise ValueError(f"within= {error}") from None
        self._set(
            channels=channels,
            useful_for=useful_for,
            topic=topic,
            message_class=message_class,
            template=template,
            step=step,
            within=within,
            at_most=at_most,
            at_cap=at_cap,
            coupon=coupon,
            _variant_of=None,
        )

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """Made once: whatever is kept of a message is found by it, whenever it is sent."""
        return hash(tuple(getattr(self, one.name) for one in fields(self)))

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the name of the attribute: a message its step's, a variant its template's."""
        called = name.strip("_").replace("_", "-")
        if self._variant_of is None:
            if not self.step:
                self._set(step=called)
        else:
            self._set(step=self._variant_of.step)
            if not self.template:
                self._set(template=called)

    def variant(self, template: str = "") -> "Message":
        """Return the same step in other words.

        Args:
            template: the variant's template; the name of its attribute if left out.
        """
        return self._with(template=template, _variant_of=self)

    def of(self, topic: str) -> "Message":
        """Return the message with the journey's topic, unless it has its own."""
        return self if self.topic else _on(self, topic)

    @property
    def words(self) -> str:
        """The name of the template that says it."""
        return self.template or self.step

    def _with(self, **values: object) -> "Message":
        other = object.__new__(Message)
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        for name, value in {**own, **values}.items():
            object.__setattr__(other, name, value)
        return other

    def _set(self, **values: object) -> None:
        vars(self).pop("_hash", None)
        for name, value in values.items():
            object.__setattr__(self, name, value)


@lru_cache(maxsize=1024)
def _on(message: Message, topic: str) -> Message:
    """Return a message with a topic: each run asks for the same few."""
    return message._with(topic=topic)  # noqa: SLF001 (of this file)


def declared_messages(owner: type) -> tuple[Message, ...]:
    """Return the messages that a class and its bases declare, each once, in their order.

    A tuple, list or mapping of messages counts as well, if each of them names its step.

    Raises:
        TypeError: a message in a collection has no step.
    """
    found: dict[int, Message] = {}
    for base in reversed(owner.__mro__):
        for name, value in vars(base).items():
            for message in _messages_in(value):
                if not message.step:
                    raise TypeError(
                        f"{base.__name__}.{name}: a message in a collection names its step: "
                        'Message(EMAIL, step="first-steps", ...)'
                    )
                found[id(message)] = message
    return tuple(found.values())


def _messages_in(value: object) -> Iterator[Message]:
    if isinstance(value, Message):
        yield value
    elif isinstance(value, tuple | list):
        yield from (item for item in value if isinstance(item, Message))
    elif isinstance(value, Mapping):
        yield from (item for item in value.values() if isinstance(item, Message))
