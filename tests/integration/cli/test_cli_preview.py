"""`sojourn preview`: what a journey would say, when and why not; nothing is sent or stored."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sojourn import EMAIL, ONCE, Journey, Message, days, field, hours, trait
from sojourn.domain.messages import Channel
from sojourn.events import OrderCompleted, ProductAdded
from sojourn.journeys.registry import Journeys
from sojourn.store import Store, pauses
from sojourn.store.rights import erasing
from tests.support.cli_stack import Cli
from tests.support.happened import begun, happened
from tests.support.project import PROJECT

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)
AT = ("--at", "2024-03-05T13:00")
ROME: dict[str, Any] = {
    "email": "ada@example.com",
    "timezone": "Europe/Rome",
    "locale": "en-GB",
    "firstName": "Ada",
}


class Choosy(
    Journey,
    name="abandoned-cart",
    topic="cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
    enters_if=field("price") >= 20,
    stays_if=trait("plan") == "pro",
):
    """One reminder, for some."""

    reminder = Message(EMAIL, useful_for=hours(24))

    async def steps(self) -> None:
        """Remind them a day later."""
        await self.sleep(days(1))
        await self.send(self.reminder)


class Endless(Journey, name="abandoned-cart", topic="cart", starts_on=ProductAdded, key="cart_id"):
    reminder = Message(EMAIL, useful_for=hours(24))

    async def steps(self) -> None:
        while True:
            await self.sleep(days(300))
            await self.send(self.reminder)


class Broken(Journey, name="abandoned-cart", topic="cart", starts_on=ProductAdded, key="cart_id"):
    async def steps(self) -> None:
        raise ValueError("no such price")


class Single(Choosy, name="abandoned-cart", again=ONCE):
    """Once in a life."""


@pytest.fixture
def choosy(monkeypatch: pytest.MonkeyPatch) -> None:
    project = replace(PROJECT, journeys=Journeys([Choosy]), policy=None)
    monkeypatch.setattr("sojourn.cli.here.load_project", lambda: project)


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def write(words: str) -> None:
        file = tmp_path / "policy.toml"
        file.write_text(words)
        project = replace(PROJECT, policy=file)
        monkeypatch.setattr("sojourn.cli.here.load_project", lambda: project)

    return write


async def everything(store: Store) -> dict[str, list[Any]]:
    """Return every row of every table."""
    async with store.reading() as session:
        named = text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        names = [name for (name,) in await session.exec(named)]  # type: ignore[call-overload]
        return {
            name: [tuple(row) for row in await session.exec(text(f'SELECT * FROM "{name}"'))]  # type: ignore[call-overload]
            for name in names
        }


async def test_it_shows_messages_with_their_moments_and_texts(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    answer = await offline("preview", "abandoned-cart", ada, *AT)
    assert answer.code == 0
    first = answer.out.splitlines()[0]
    assert first == f"abandoned-cart to {ada}: reminder would be sent by email Wed 6 Mar 2024 13:00"
    assert "subject   " in answer.out
    assert "| Hello Ada" in answer.out or "Ada" in answer.out
    assert (
        "nudge\n  would not be sent Fri 8 Mar 2024 13:00 because the customer has no address"
        in (answer.out)
    )
    assert "not called, with a made-up result: issue_code" in answer.out
    assert "Product Added happens Tue 5 Mar 2024 13:00; made up: product_id, cart_id" in answer.out
    assert "a***@example.com" in answer.out
    assert "ada@example.com" not in answer.out


async def test_nothing_is_stored_and_nobody_is_called(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await offline.identify(**ROME)
    await happened(offline, ada, "Product Added", NOON - DAY, cart_id="k", product_id="p")
    monkeypatch.setattr(
        "sojourn.channels.registry.Carriers.chosen", lambda *_: pytest.fail("a provider is asked")
    )
    before = await everything(offline.store)
    files = {file.name for file in offline.home.iterdir()}
    for customer in (ada, "nobody"):
        for extra in ((), ("--json",), ("--html", str(offline.home / "page.html"))):
            await offline("preview", "abandoned-cart", customer, *AT, *extra)
    assert await everything(offline.store) == before
    assert {file.name for file in offline.home.iterdir()} - files <= {"page.html"}


async def test_the_page_of_a_message_is_written(offline: Cli, tmp_path: Path) -> None:
    ada = await offline.identify(**ROME)
    file = tmp_path / "offer.html"
    answer = await offline(
        "preview", "abandoned-cart", ada, *AT, "--message", "offer", "--html", file
    )
    assert answer.out.strip() == str(file)
    assert "<html" in file.read_text()
    refused = await offline(
        "preview", "abandoned-cart", ada, *AT, "--message", "nudge", "--html", file
    )
    assert refused.code == 2
    assert refused.fault.startswith("there is no page: nothing would be sent; nudge would not")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("abandonned-cart", "x"), 'no journey "abandonned-cart": did you mean "abandoned-cart"?'),
        (("abandoned-cart", "nobody"), 'no customer "nobody"'),
        (("abandoned-cart", "x", "--message", "remindr"), 'did you mean "reminder"'),
    ],
)
async def test_an_unknown_name_is_one_line(offline: Cli, asked: tuple[str], words: str) -> None:
    answer = await offline("preview", *asked)
    assert answer.code == 2
    assert words in answer.fault


async def test_a_date_that_cannot_be_read_is_named(offline: Cli) -> None:
    ada = await offline.identify()
    answer = await offline("preview", "abandoned-cart", ada, "--at", "tomorrow")
    assert (answer.code, answer.fault) == (
        2,
        '--at: cannot read "tomorrow": write it as 2027-03-01T08:00',
    )


@pytest.mark.usefixtures("choosy")
async def test_a_customer_who_would_not_qualify_is_told_with_the_value(offline: Cli) -> None:
    ada = await offline.identify(plan="free")
    await happened(
        offline, ada, "Product Added", NOON - DAY, cart_id="k", product_id="p", price="12"
    )
    answer = await offline("preview", "abandoned-cart", ada, *AT)
    assert "Product Added would start no run" in answer.out.splitlines()[0]
    assert "price: 12 of 20" in answer.out.splitlines()[0]


@pytest.mark.usefixtures("choosy")
async def test_a_condition_to_stay_is_judged_by_the_gates_own_rule(offline: Cli) -> None:
    ada = await offline.identify(plan="free")
    await happened(
        offline, ada, "Product Added", NOON - DAY, cart_id="k", product_id="p", price="30"
    )
    found = (await offline("preview", "abandoned-cart", ada, *AT, "--json")).json
    assert found["kind"] == "open" or found["refused"] is None
    (message,) = found["messages"]
    assert (message["status"], message["reason"]) == ("skipped", "no_longer")
    assert message["detail"] == 'plan: "free", wanted "pro"'


async def test_who_may_not_enter_again_is_told_so(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = replace(PROJECT, journeys=Journeys([Single]), policy=None)
    monkeypatch.setattr("sojourn.cli.here.load_project", lambda: project)
    ada = await offline.identify(**ROME)
    start = await happened(
        offline, ada, "Product Added", NOON - 9 * DAY, cart_id="k", product_id="p"
    )
    await begun(offline, "abandoned-cart", start, "k", closed_at=NOON - 8 * DAY)
    found = (await offline("preview", "abandoned-cart", ada, *AT, "--json")).json
    assert (found["kind"], found["refused"]) == ("supposed", "came_again")
    assert "had a run that began on 25 February 2024; one is all" in found["verdict"]


async def test_what_is_closed_or_switched_off_starts_nothing(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await offline.identify(**ROME)
    await offline("close", "journey", "abandoned-cart", "--why", "wrong prices", "--by", "ann")
    found = (await offline("preview", "abandoned-cart", ada, *AT, "--json")).json
    assert found["refused"] == "held_back"
    assert found["because"] == "ann held entries back: wrong prices"
    off = Journeys(PROJECT.journeys.values(), off=("abandoned-cart",))
    monkeypatch.setattr("sojourn.cli.here.load_project", lambda: replace(PROJECT, journeys=off))
    found = (await offline("preview", "abandoned-cart", ada, *AT, "--json")).json
    assert found["refused"] == "switched_off"
    assert {one["reason"] for one in found["messages"]} == {"switched_off"}


async def test_a_tombstone_is_an_erased_customer(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    async with offline.store.transaction() as session:
        row, _ = await erasing.begin(session, ada, why="asked", by="ann")
    async with offline.store.transaction() as session:
        assert await erasing.finish(session, row.id or 0, histories=0)
    for asked in (("preview", "abandoned-cart", ada), ("why-not", ada, "abandoned-cart")):
        answer = await offline(*asked)
        assert answer.code == 0, answer.err
        assert "the customer is erased" in answer.out
        assert "ada@" not in answer.out


async def test_quiet_hours_and_caps_hold_as_the_gate_holds(
    offline: Cli, policy: Callable[[str], None]
) -> None:
    policy('quiet_hours = "12:00-15:00"\nspread = "off"\n[caps]\nper_week = 1\n')
    ada = await offline.identify(**ROME)
    found = (await offline("preview", "abandoned-cart", ada, *AT, "--json")).json
    reminder, nudge, offer = found["messages"]
    assert [hold["reason"] for hold in reminder["holds"]] == ["quiet_hours"]
    assert reminder["at"] == "2024-03-06T14:00:00Z"
    assert nudge["reason"] == "no_address"
    assert (offer["status"], offer["holds"][0]["reason"]) == ("sent", "cap")
    assert "cap of 1 a week went to abandoned-cart/reminder" in offer["holds"][0]["text"]
    assert offer["at"] == "2024-03-12T23:00:00Z", "the first moment of a day with room"


async def test_what_an_operator_holds_is_not_said_to_leave(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    async with offline.store.transaction() as session:
        await pauses.begin(session, Channel.EMAIL, because="broken", by="ann")
    found = (await offline("preview", "abandoned-cart", ada, *AT, "--json")).json
    reminder = found["messages"][0]
    assert reminder["holds"][0]["reason"] == "paused"
    assert reminder["status"] == "skipped"
    assert "unless it is let go before its use ends" in reminder["text"]


async def test_a_run_that_is_on_goes_on_from_what_the_ledger_has(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    start = await happened(
        offline, ada, "Product Added", NOON - DAY / 2, cart_id="k", product_id="p"
    )
    await begun(offline, "abandoned-cart", start, "k")
    answer = await offline("preview", "abandoned-cart", ada, *AT, "--json")
    assert answer.json["kind"] == "open"
    assert answer.json["run"] == f"abandoned-cart:{ada}:k"
    await happened(offline, ada, "Order Completed", NOON - DAY / 4, cart_id="k", order_id="o")
    over = (await offline("preview", "abandoned-cart", ada, *AT, "--json")).json
    assert over["kind"] == "supposed", "the run that was bought is over"


async def test_a_run_whose_end_the_gate_has_noted_is_over(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    start = await happened(
        offline, ada, "Product Added", NOON - 3 * DAY, cart_id="k", product_id="p"
    )
    run = await begun(offline, "abandoned-cart", start, "k")
    bought = await happened(
        offline, ada, "Order Completed", NOON - 2 * DAY - DAY / 24, cart_id="k", order_id="o"
    )
    at = NOON - 2 * DAY
    await offline.decided(
        ada,
        at=at,
        workflow_id=run.workflow_id,
        enrolment=start.message_id,
        state="skipped",
        reason="goal_reached",
        caused_by=bought.message_id,
    )
    found = (await offline("preview", "abandoned-cart", ada, *AT, "--json")).json
    assert found["kind"] == "supposed"


async def test_steps_that_go_round_in_a_circle_are_left_off(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = replace(PROJECT, journeys=Journeys([Endless]), policy=None)
    monkeypatch.setattr("sojourn.cli.here.load_project", lambda: project)
    ada = await offline.identify(**ROME)
    found = (await offline("preview", "abandoned-cart", ada, *AT, "--json")).json
    assert (found["outcome"], len(found["messages"])) == (None, 2)
    assert any(line.startswith("looked at as far as") for line in found["assumptions"])


async def test_steps_that_fail_are_named(offline: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    project = replace(PROJECT, journeys=Journeys([Broken]), policy=None)
    monkeypatch.setattr("sojourn.cli.here.load_project", lambda: project)
    ada = await offline.identify(**ROME)
    answer = await offline("preview", "abandoned-cart", ada, *AT)
    assert (answer.code, answer.fault) == (
        2,
        "abandoned-cart: its steps fail: ValueError: no such price",
    )


async def test_an_erased_customer_gets_nothing(offline: Cli) -> None:
    ada = await offline.identify(**ROME)
    async with offline.store.transaction() as session:
        await session.exec(
            text("UPDATE customers SET erased_at = '2024-01-01 00:00:00'")  # type: ignore[call-overload]
        )
    answer = await offline("preview", "abandoned-cart", ada, *AT)
    assert "nothing would be sent" in answer.out
    assert "the customer is erased" in answer.out
