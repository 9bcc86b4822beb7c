"""`sojourn shadow` shows what a journey in shadow would have sent, beside the one that writes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sojourn.events import OrderCompleted, ProductAdded
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.testkit import JourneyTest
from sojourn.testkit.engines import in_process
from tests.support.cli_stack import Cli
from tests.support.project import PROJECT
from tests.support.shadows import Gentler
from workflows.abandoned_cart import AbandonedCart

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NAME = Gentler.name


def project(*classes: type[AbandonedCart], shadow: bool = True) -> Project:
    return replace(
        PROJECT, journeys=Journeys(classes, shadow=[NAME] if shadow else []), policy=None
    )


BOTH = project(AbandonedCart, Gentler)


def use(monkeypatch: pytest.MonkeyPatch, used: Project) -> None:
    monkeypatch.setattr("sojourn.cli.here.load_project", lambda: used)


async def _three_customers(cli: Cli, played: Project) -> None:
    """Leave three carts: one is bought after the gentle word, one has no consent, one is left."""
    settings = cli.sojourn.settings
    async with in_process.serving(cli.store, settings, played) as engine:
        for number, name in enumerate(("ada", "bob", "eve")):
            one = JourneyTest(engine, cli.store, settings, "", name, project=played)
            if name == "bob":
                await one.identify(marketingConsent={"email": False, "sms": True, "push": True})
            await one.publish(ProductAdded, cart_id=f"cart{number}")
            await one.after(8 * HOUR)
            if name == "ada":
                await one.publish(OrderCompleted, cart_id="cart0")
            await one.after(9 * DAY)


async def test_both_are_compared_step_by_step_with_customers_who_differ(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, BOTH)
    await _three_customers(offline, BOTH)
    said = (await offline("shadow", NAME, "--json")).json
    assert said["instead_of"] == "abandoned-cart"
    assert said["entered"] == {"before": 3, "after": 3}
    assert said["reached_goal"] == {"before": 1, "after": 1}
    assert said["waiting"] == {"before": 0, "after": 0}
    reminder = said["steps"]["reminder"]
    assert (reminder["before"]["due"], reminder["before"]["sent"]) == (2, 1)
    assert (reminder["after"]["due"], reminder["after"]["sent"]) == (3, 2)
    assert reminder["after"]["skipped"] == {"no_consent": 1}
    assert said["steps"]["nudge"]["after"]["due"] == 0
    changes = {(one["step"], one["what"]): one for one in said["changes"]}
    assert changes["reminder", "gets it"]["customers"] == ["ada"]
    assert changes["reminder", "gets it earlier"]["later_by_seconds"] == -18 * 3600
    assert changes["nudge", "gets it no more"]["messages"] == 2
    shown = await offline("shadow", NAME)
    assert "in shadow, instead of abandoned-cart" in shown.out
    assert "abandoned-cart-gentler/reminder: gets it (1 customer): ada" in shown.out


async def test_journeys_in_shadow_are_listed_with_what_they_would_have_sent(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, project(AbandonedCart, shadow=False))
    assert "no journey is in shadow" in (await offline("shadow")).out
    use(monkeypatch, BOTH)
    await _three_customers(offline, BOTH)
    (one,) = (await offline("shadow", "--json")).json
    assert (one["now"], one["runs"], one["would_be_sent"]) == ("in shadow", 3, 3)
    use(monkeypatch, project(AbandonedCart, Gentler, shadow=False))
    assert "live" in (await offline("shadow")).out
    assert "live by now" in (await offline("shadow", NAME)).out
    listed = await offline("ledger", "--state", "shadow")
    assert "shadow, would be sent" in listed.out
    assert "shadow, would be skipped" in listed.out
    told = await offline("explain", "bob")
    assert "in shadow: it would have been skipped because" in told.out
    assert "abandoned-cart-gentler cart1: in shadow, on" in told.out
    assert "abandoned-cart cart1: on" in told.out
    why = await offline("why-not", "ada", NAME)
    assert "in shadow" in why.out
    report = (await offline("report", "--since", "2024-01-01", "--json")).json
    assert [part["name"] for part in report["parts"]] == ["abandoned-cart"]
    assert (await offline("outbox")).out.count(NAME) == 0


async def test_a_journey_of_its_own_is_shown_alone(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, project(Gentler))
    await _three_customers(offline, project(Gentler))
    said = (await offline("shadow", NAME, "--json")).json
    assert said["entered"] == {"before": 0, "after": 3}
    assert said["instead_of"] is None


async def test_bad_input_gets_one_line(
    offline: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, BOTH)
    answer = await offline("shadow", "abandoned-crat")
    assert (answer.code, answer.fault) == (
        2, 'no journey "abandoned-crat": did you mean "abandoned-cart"?',
    )  # fmt: skip
    assert "was never in shadow" in (await offline("shadow", "abandoned-cart")).fault
    assert "no run of abandoned-cart-gentler has begun" in (await offline("shadow", NAME)).fault
    assert "name it" in (await offline("shadow", "--since", "2024-01-01")).fault
    assert "--since:" in (await offline("shadow", NAME, "--since", "soon")).fault
