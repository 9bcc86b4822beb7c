"""The shipped journeys with other delays, alone in a file: the sandbox loads all of it."""

import types
from collections.abc import Awaitable, Callable
from datetime import time, timedelta
from typing import Any

from sojourn import EMAIL, Journey, Message, days, hours
from sojourn.events import OrderCompleted, ProductAdded
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

Steps = Callable[[Any], Awaitable[None]]


def _named(name: str, journey: type[Any], steps: Steps) -> type[Any]:
    def body(namespace: dict[str, Any]) -> None:
        namespace.update(__module__=__name__, __qualname__=name, steps=steps)

    made = types.new_class(name, (journey,), {"name": journey.name}, body)
    globals()[name] = made
    return made


def _cart(name: str, first: timedelta, second: timedelta, third: timedelta) -> type[Any]:
    async def steps(self: Any) -> None:
        await self.quiet_for(first, of=ProductAdded)
        await self.send(self.reminder)
        await self.sleep(second)
        await self.send(self.nudge)
        await self.sleep(third)
        await self.send(self.offer)

    return _named(name, AbandonedCart, steps)


def _onboarding(name: str, *ahead: int, at: int = 10) -> type[Any]:
    async def steps(self: Any) -> None:
        await self.send(self.welcome)
        for message, after in zip((self.first_steps, self.tips, self.help), ahead, strict=True):
            await self.sleep_until(self.local(time(at), days=after))
            await self.send(message)

    return _named(name, Onboarding, steps)


def _renewal(name: str, *before: int, at: int = 10) -> type[Any]:
    async def steps(self: Any) -> None:
        messages = (self.in_a_week, self.in_two_days, self.today, self.expired)
        for message, ahead in zip(messages, before, strict=True):
            await self.sleep_until(self.local(time(at), days=-ahead, after=self.expires_at))
            await self.send(message)

    return _named(name, Renewal, steps)


CARTS = {
    name: _cart(f"Cart{number}", *delays)
    for number, (name, delays) in enumerate(
        {
            "24h/2d/4d": (hours(24), days(2), days(4)),
            "1h/2d/4d": (hours(1), days(2), days(4)),
            "48h/2d/4d": (hours(48), days(2), days(4)),
            "24h/12h/4d": (hours(24), hours(12), days(4)),
            "24h/1d/4d": (hours(24), days(1), days(4)),
            "24h/5d/4d": (hours(24), days(5), days(4)),
            "24h/2d/1d": (hours(24), days(2), days(1)),
            "24h/2d/9d": (hours(24), days(2), days(9)),
            "12h/1d/2d": (hours(12), days(1), days(2)),
            "1h/23h/2d": (hours(1), hours(23), days(2)),
            "1h/1h/1h": (hours(1), hours(1), hours(1)),
        }.items()
    )
}
ONBOARDINGS = {
    name: _onboarding(f"Onboarding{number}", *ahead, at=at)
    for number, (name, (ahead, at)) in enumerate(
        {
            "1/3/7": ((1, 3, 7), 10),
            "1/3/6": ((1, 3, 6), 10),
            "1/3/4": ((1, 3, 4), 10),
            "1/2/3": ((1, 2, 3), 10),
            "1/2/3 at 8": ((1, 2, 3), 8),
            "2/5/9": ((2, 5, 9), 10),
            "1/3/7 at 9": ((1, 3, 7), 9),
            "1/3/7 at 16": ((1, 3, 7), 16),
        }.items()
    )
}
RENEWALS = {
    name: _renewal(f"Renewal{number}", *before, at=at)
    for number, (name, (before, at)) in enumerate(
        {
            "7/2/0/-1": ((7, 2, 0, -1), 10),
            "14/5/0/-1": ((14, 5, 0, -1), 10),
            "3/1/0/-1": ((3, 1, 0, -1), 10),
            "7/2/0/-1 at 8": ((7, 2, 0, -1), 8),
            "7/2/0/-3": ((7, 2, 0, -3), 10),
        }.items()
    )
}


def _ladder(name: str, *delays: timedelta) -> type[Any]:
    async def steps(self: Any) -> None:
        for message, delay in zip((self.one, self.two, self.three), delays, strict=True):
            await self.sleep(delay)
            await self.send(message)

    def body(namespace: dict[str, Any]) -> None:
        messages = {
            step: Message(EMAIL, useful_for=days(3), template="reminder")
            for step in ("one", "two", "three")
        }
        namespace.update(__module__=__name__, __qualname__=name, steps=steps, **messages)

    keywords = {
        "name": "abandoned-cart",
        "topic": "cart",
        "starts_on": ProductAdded,
        "key": "cart_id",
        "goal": OrderCompleted,
    }
    made = types.new_class(name, (Journey,), keywords, body)
    globals()[name] = made
    return made


LADDERS = {
    name: _ladder(f"Ladder{number}", *(hours(int(part[:-1])) for part in name.split("/")))
    for number, name in enumerate(("1h/3h/4h", "1h/1h/1h", "1h/10h/20h", "1h/30h/1h"))
}
