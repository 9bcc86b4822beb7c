"""Test your journeys with three verbs, in the test's own process or on Temporal's test server.

The pytest plugin provides the fixture ``journey``::

    async def test_a_purchase_stops_the_reminder(journey: JourneyTest) -> None:
        await journey.start(AbandonedCart, cart_id="cart7")
        await journey.after(timedelta(hours=23))
        await journey.publish(OrderCompleted, cart_id="cart7")
        assert journey.sent == []
        assert journey.outcome == "converted"

`Shop` plays thousands of customers into a store at once, with effects that are known: what a report
says of them can be held against the truth.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sojourn.testkit.kit import JourneyRuns as JourneyRuns
    from sojourn.testkit.kit import JourneyTest as JourneyTest
    from sojourn.testkit.scenarios import scenario as scenario
    from sojourn.testkit.selling.effects import Change as Change
    from sojourn.testkit.selling.effects import Lift as Lift
    from sojourn.testkit.selling.effects import Variants as Variants
    from sojourn.testkit.selling.simulated import Shop as Shop

__all__ = ["Change", "JourneyRuns", "JourneyTest", "Lift", "Shop", "Variants", "scenario"]


def __getattr__(name: str) -> object:
    """Import on first use, since pytest always loads this package with the plugin."""
    match name:
        case "JourneyRuns" | "JourneyTest":
            from sojourn.testkit import kit  # noqa: PLC0415

            return getattr(kit, name)
        case "scenario":
            from sojourn.testkit.scenarios import scenario  # noqa: PLC0415

            return scenario
        case "Change" | "Lift" | "Variants":
            from sojourn.testkit.selling import effects  # noqa: PLC0415

            return getattr(effects, name)
        case "Shop":
            from sojourn.testkit.selling.simulated import Shop  # noqa: PLC0415

            return Shop
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
