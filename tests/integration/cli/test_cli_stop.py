"""`sojourn stop` ends runs, and holds from its answer on, with or without Temporal."""

from datetime import UTC, datetime

from sojourn.domain.events import ProductAdded
from sojourn.store.tables import RunRow
from tests.support.cli_stack import Cli


async def _cart(cli: Cli, ada: str, cart: str) -> str:
    (run,) = (
        await cli.sojourn.publish(ProductAdded(customer_id=ada, cart_id=cart, product_id="p"))
    ).runs
    return run


async def test_runs_are_stopped_and_explained(cli: Cli) -> None:
    ada = await cli.identify()
    first, second = [await _cart(cli, ada, cart) for cart in ("k1", "k2")]
    answer = await cli("stop", first, second, "--why", "asked by support", "--by", "anna")
    assert (answer.code, answer.out.splitlines()) == (
        0,
        [f"{run}: stopped, nothing more is sent" for run in (first, second)],
    )
    listed = await cli.until(
        "runs", "--customer", ada, "--closed", "--json", holds=lambda a: len(a.json) == 2
    )
    assert {run["outcome"] for run in listed.json} == {"stopped"}
    assert "Journey Stopped" in (await cli("explain", ada)).out


async def test_a_stop_needs_no_temporal(offline: Cli) -> None:
    ada = await offline.identify()
    run = f"abandoned-cart:{ada}:k"
    async with offline.store.transaction() as session:
        session.add(
            RunRow(
                workflow_id=run,
                run_id="r",
                journey="abandoned-cart",
                customer_id=ada,
                key="k",
                enrolment="e",
                started_at=datetime.now(UTC),
            )
        )
    answer = await offline("stop", run, "--why", "asked by support")
    assert answer.code == 0
    assert answer.out.startswith(f"{run}: stopped, nothing more is sent; it ends once Temporal is")
    assert "Journey Stopped" in (await offline("explain", ada)).out


async def test_an_unknown_run_stops_none_of_the_others(cli: Cli) -> None:
    ada = await cli.identify()
    run = await _cart(cli, ada, "k1")
    answer = await cli("stop", run, "onboarding:nobody", "--why", "asked by support")
    assert answer.code == 2
    assert 'no run "onboarding:nobody" was ever started' in answer.fault
    assert (await cli("runs", "--customer", ada, "--open", "--json")).json != []
    assert (await cli("stop", run, "--why", " ")).code == 2
