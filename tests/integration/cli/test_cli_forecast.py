"""``sojourn forecast``: the open runs, led on, in figures and as a page."""

from pathlib import Path

from sojourn.events import ProductAdded
from tests.support.cli_stack import Cli


async def test_it_tells_the_messages_to_come_and_writes_a_page(cli: Cli, tmp_path: Path) -> None:
    before = (await cli("forecast", "--days", "3", "--json")).json
    ada = await cli.identify()
    await cli.sojourn.publish(ProductAdded(customer_id=ada, cart_id="k", product_id="p"))
    await cli.until(
        "runs", "--customer", ada, "--json", holds=lambda a: [r["key"] for r in a.json] == ["k"]
    )
    told = (await cli("forecast", "--days", "3", "--json")).json
    assert told["runs"] == before["runs"] + 1
    assert told["messages"] == before["messages"] + 1  # the nudge finds no address
    assert told["skipped"]["no_address"] == before["skipped"].get("no_address", 0) + 1
    page = tmp_path / "forecast.html"
    shown = await cli("forecast", "--page", page)
    assert shown.code == 0
    assert "open runs, 30 days:" in shown.out
    assert "abandoned-cart" in shown.out
    assert "Not in it: runs that are still to begin" in " ".join(shown.out.split())
    assert "The next 30 days of the open runs" in page.read_text()


async def test_a_page_that_cannot_be_written_is_said_at_once(cli: Cli, tmp_path: Path) -> None:
    fault = (await cli("forecast", "--page", tmp_path / "no" / "page.html")).fault
    assert fault.endswith("page.html: cannot be written: No such file or directory")
