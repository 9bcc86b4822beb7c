"""Test your journeys with three verbs, on the real engine and Temporal's time-skipping server.

The pytest plugin provides the fixture ``journey``::

    async def test_a_purchase_stops_the_reminder(journey: JourneyTest) -> None:
        await journey.start(AbandonedCart, cart_id="cart7")
        await journey.after(timedelta(hours=23))
        await journey.publish(OrderCompleted, cart_id="cart7")
        assert journey.sent == []
        assert journey.outcome == "converted"
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sojourn.testkit.kit import JourneyRuns as JourneyRuns
    from sojourn.testkit.kit import JourneyTest as JourneyTest
    from sojourn.testkit.scenarios import scenario as scenario

__all__ = ["JourneyRuns", "JourneyTest", "scenario"]


def __getattr__(name: str) -> object:
    """Import on first use, since pytest always loads this package with the plugin."""
    match name:
        case "JourneyRuns" | "JourneyTest":
            from sojourn.testkit import kit  # noqa: PLC0415

            return getattr(kit, name)
        case "scenario":
            from sojourn.testkit.scenarios import scenario  # noqa: PLC0415

            return scenario
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
