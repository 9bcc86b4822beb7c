"""`sojourn experiments`: what they brought, for people and for programs."""

from datetime import UTC, datetime, timedelta

from sojourn.store.tables import ExposureRow
from tests.support.cli_stack import Cli

LONG_AGO = datetime.now(UTC) - timedelta(days=60)


async def test_an_experiment_is_listed_and_shown(offline: Cli) -> None:
    async with offline.store.transaction() as session:
        for number in range(12):
            session.add(
                ExposureRow(
                    experiment="shown-here",
                    customer_id=f"shown-{number}",
                    variant="plain" if number % 2 else "warm",
                    at=LONG_AGO,
                    workflow_id=f"abandoned-cart:shown-{number}:c",
                )
            )
    listed = (await offline("experiments", "list", "--json")).json
    assert {"shown-here": 12}.items() <= {o["experiment"]: o["customers"] for o in listed}.items()
    shown = (await offline("experiments", "show", "shown-here", "--json")).json
    assert [(o["variant"], o["customers"], o["converted"]) for o in shown["variants"]] == [
        ("plain", 6, 0), ("warm", 6, 0),
    ]  # fmt: skip
    assert shown["compared"][0]["converted_more"]["low"] < 0
    told = await offline("experiments", "show", "shown-here")
    assert "may be chance" in told.out
    early = await offline("experiments", "show", "shown-here", "--customers", "100")
    assert "too early: 6 of 100 customers a group" in " ".join(early.out.split())


async def test_a_name_that_nobody_has_is_one_line(offline: Cli) -> None:
    answer = await offline("experiments", "show", "nonesuch")
    assert answer.code == 2
    assert 'experiment "nonesuch"' in answer.fault
