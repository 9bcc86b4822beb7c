"""`sojourn check --open` looks at every open run, and at the stored events that it would read."""

from dataclasses import replace

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from sojourn.domain.events import Events
from sojourn.events import ProductAdded, ProductRemoved
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.store import migrating, reading_back
from sojourn.store.tables import RunRow
from tests.support.cli_stack import Answer, Cli
from tests.support.project import PROJECT
from tests.support.rows import NOON, event_row


class Stricter(ProductAdded, name="Product Added"):
    """The next release of the event: it has gained a field."""

    season: str


class StricterRemoval(ProductRemoved, name="Product Removed"):
    """The next release of the event."""

    season: str


def _with(monkeypatch: pytest.MonkeyPatch, project: Project) -> None:
    monkeypatch.setattr("sojourn.cli.here.load_project", lambda: project)


def _events(*stricter: type[ProductAdded | ProductRemoved]) -> Project:
    events = Events([*PROJECT.events.values(), *stricter]).used(PROJECT.events.use)
    return replace(PROJECT, events=events)


def _of(answer: Answer, run: str) -> list[str]:
    return [one["reason"] for one in answer.json["broken"] if one["run"] == run]


async def _open_run(cli: Cli) -> str:
    ada = await cli.identify()
    await cli.sojourn.publish(ProductAdded(customer_id=ada, cart_id="k", product_id="p"))
    run = f"abandoned-cart:{ada}:k"
    await cli.until(
        "runs", "--customer", ada, "--json", holds=lambda a: [r["key"] for r in a.json] == ["k"]
    )
    return run


@pytest.mark.parametrize("left", ["renamed", "none"])
async def test_a_run_of_a_journey_that_the_code_lacks_is_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    run = await _open_run(cli)
    assert _of(await cli("check", "--open", "--json"), run) == []
    others = [one for name, one in PROJECT.journeys.items() if name != "abandoned-cart"]
    journeys = Journeys(others if left == "renamed" else ())
    _with(monkeypatch, replace(PROJECT, journeys=journeys))
    told = await cli("check", "--open", "--json")
    assert told.code == 1
    (reason,) = _of(told, run)
    assert reason.startswith('no journey "abandoned-cart"')
    assert "The run would stand still for ever. Keep the class under its old name" in reason
    assert f"{run} would break" in (await cli("check", "--open")).out.splitlines()


async def test_a_stored_event_that_begins_a_run_and_can_no_longer_be_read_breaks_its_messages(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await _open_run(cli)
    _with(monkeypatch, _events(Stricter))
    told = await cli("check", "--open", "--json")
    assert told.code == 1
    (fault,) = [one for one in told.json["events"] if run in one["runs"]]
    assert (fault["event"], fault["sends_fail"]) == ("Product Added", True)
    assert "season" in fault["reason"]
    shown = " ".join((await cli("check", "--open")).out.split())
    assert "their messages would fail again and again. Give the field a default." in shown
    _with(monkeypatch, PROJECT)
    told = await cli("check", "--open", "--json")
    assert [one for one in told.json["events"] if run in one["runs"]] == []


async def test_another_event_is_said_to_be_left_out(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await cli.identify()
    for event in (ProductRemoved, ProductAdded):
        await cli.sojourn.publish(event(customer_id=ada, cart_id="k", product_id="p"))
    run = f"abandoned-cart:{ada}:k"
    await cli.until("runs", "--customer", ada, "--json", holds=lambda a: len(a.json) == 1)
    _with(monkeypatch, _events(StricterRemoval))
    told = await cli("check", "--open", "--json")
    (fault,) = [one for one in told.json["events"] if run in one["runs"]]
    assert (fault["event"], fault["sends_fail"]) == ("Product Removed", False)


async def test_it_reads_a_database_that_is_not_migrated_yet(offline: Cli) -> None:
    ada = await offline.identify("ada")
    store = offline.store
    async with store.transaction() as session:
        session.add(event_row(ada, message_id="m"))
        session.add(
            RunRow(
                workflow_id="abandoned-cart:ada",
                run_id="r",
                journey="abandoned-cart",
                customer_id=ada,
                enrolment="m",
                started_at=NOON,
            )
        )

    def back(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(migrating.MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, migrating.PROMISED)

    async with store.engine.begin() as connection:
        await connection.run_sync(back)
    async with store.reading() as session:
        (fault,) = await reading_back.unreadable(
            session, ["abandoned-cart:ada"], {}, Events([Stricter])
        )
    assert fault.starts
    assert fault.stored == {"m"}
