"""`sojourn customer`: everything that is held of a person is told, kept back, or erased."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import select
from temporalio.service import RPCError, RPCStatusCode

from sojourn.cli.local.stack import Server
from sojourn.dispatch.erasing import sweep
from sojourn.domain.events import ProductAdded
from sojourn.store.rights import scrubbing
from sojourn.store.tables import CustomerRow, ErasureRow
from tests.support.cli_stack import Cli


async def test_everything_held_is_written_as_json(offline: Cli) -> None:
    ada = await offline.identify(first_name="Zoë")
    await offline.decided(ada, {"text": "hello"}, at=datetime(2024, 1, 8, tzinfo=UTC))
    answer = await offline("customer", "export", ada)
    assert answer.code == 0
    assert answer.json["held"]["customers"][0]["first_name"] == "Zoë"
    assert answer.json["held"]["contents"][0]["content"] == {"text": "hello"}


async def test_a_file_is_for_its_owner_alone_and_is_whole_or_not_there(
    offline: Cli, tmp_path: Path
) -> None:
    ada = await offline.identify()
    file, half = tmp_path / "ada.json", tmp_path / "ada.json.part"
    answer = await offline("customer", "export", "nobody", "--to", file)
    assert answer.code == 2
    assert answer.fault.startswith('no customer "nobody"')
    assert not file.exists()
    assert not half.exists()
    answer = await offline("customer", "export", ada, "--to", file)
    assert (answer.code, answer.out) == (0, f"{file}: everything that is held of {ada}\n")
    assert json.loads(file.read_text())["customer_id"] == ada
    assert file.stat().st_mode & 0o777 == 0o600
    answer = await offline("customer", "export", ada, "--to", tmp_path / "nowhere" / "ada.json")
    assert answer.code == 1
    assert "cannot write" in answer.fault


async def test_a_restriction_is_set_told_and_lifted(offline: Cli) -> None:
    ada = await offline.identify()
    assert (await offline("customer", "restrict", "nobody", "--why", "asked")).code == 2
    answer = await offline("customer", "restrict", ada, "--why", "disputes it", "--by", "anna")
    assert answer.code == 0
    assert answer.out.endswith("nothing is sent\n")
    assert (
        "restricted: the data are kept, and nothing is sent" in (await offline("explain", ada)).out
    )
    held = (await offline("customer", "export", ada)).json["held"]
    (row,) = held["restrictions"]
    assert (row["why"], row["by"], row["lifted_at"]) == ("disputes it", "anna", None)
    answer = await offline("customer", "restrict", ada, "--lift", "--why", "settled")
    assert answer.code == 0
    answer = await offline("customer", "restrict", ada, "--lift", "--why", "settled")
    assert (answer.code, answer.fault) == (
        2,
        f"customer {ada} is not restricted: there is nothing to lift",
    )
    assert (await offline("customer", "restrict", ada, "--why", " ")).code == 2


async def test_an_erasure_ends_the_runs_and_deletes_their_histories(cli: Cli) -> None:
    ada = await cli.identify(email="ada.erased@example.com")
    for cart in ("k1", "k2"):
        await cli.sojourn.publish(ProductAdded(customer_id=ada, cart_id=cart, product_id="p"))
    await cli.until("runs", "--customer", ada, "--json", holds=lambda a: len(a.json) == 2)
    dry = (await cli("customer", "erase", ada, "--dry-run", "--json")).json
    assert (dry["ids"], dry["counts"]["events"], dry["counts"]["runs"]) == ([ada], 2, 2)
    answer = await cli("customer", "erase", ada, "--why", "asked for it", "--by", "anna")
    assert answer.code == 0, answer.err
    assert answer.out.startswith(f"{ada}: erased, nothing is sent and nothing comes back\n")
    assert "not finished" not in answer.out
    for cart in ("k1", "k2"):
        handle = cli.sojourn.client.get_workflow_handle(f"abandoned-cart:{ada}:{cart}")
        with pytest.raises(RPCError) as failed:
            await handle.describe()
        assert failed.value.status is RPCStatusCode.NOT_FOUND
    found = cli.sojourn.client.list_workflows(f'CustomerId = "{ada}"')
    assert [run.id async for run in found] == []
    proofs = (await cli("customer", "erasures", "--all", "--json")).json
    assert (proofs[0]["why"], proofs[0]["by"]) == ("asked for it", "anna")
    assert proofs[0]["counts"]["histories"] == 2
    assert (await cli("customer", "erasures", "--json")).json == []
    answer = await cli("customer", "export", ada)
    assert (answer.code, "it was erased" in answer.fault) == (2, True)
    assert (await cli("customer", "erase", ada, "--why", "again")).out.startswith(
        f"{ada}: erased before"
    )
    # what comes later is acknowledged, and starts nothing
    late = await cli.sojourn.publish(ProductAdded(customer_id=ada, cart_id="k3", product_id="p"))
    assert (late.stored, late.runs) == (False, ())
    assert [note.path for note in late.notes] == ["userId"]


async def test_an_erasure_without_temporal_is_listed_until_a_worker_has_finished_it(
    offline: Cli, temporal: Server
) -> None:
    ada = await offline.identify()
    (offline.home / "outbox").mkdir()
    number = await offline.decided(ada, {"text": "hello"}, at=datetime(2024, 1, 8, tzinfo=UTC))
    letter = offline.home / "outbox" / f"{number}.html"
    letter.write_text("Dear Ada")
    answer = await offline("customer", "erase", ada, "--why", "asked for it")
    assert answer.code == 0
    assert "not finished: no Temporal server answers" in answer.out
    (row,) = (await offline("customer", "erasures", "--json")).json
    assert (row["finished_at"], row["counts"]["contents"]) == (None, 1)
    assert await sweep(offline.store, temporal.client, offline.home) == 1
    assert (await offline("customer", "erasures")).out == "no unfinished erasures\n"
    assert not letter.exists()


async def test_an_erasure_whose_data_are_still_in_the_files_is_listed_until_they_are_not(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrubbing, "PATIENCE", timedelta(milliseconds=20))
    monkeypatch.setattr(scrubbing, "POLL", timedelta(milliseconds=10))
    ada = await cli.identify(email="ada.infile@example.com")
    async with cli.store.reading() as session:  # a long read, such as a backup's
        await session.exec(select(CustomerRow).limit(1))
        answer = await cli("customer", "erase", ada, "--why", "asked for it")
    assert answer.code == 0
    assert "not finished: the database is in use" in answer.out
    (row,) = (await cli("customer", "erasures", "--json")).json
    assert row["finished_at"] is not None, "no query reaches the data"
    assert (row["files_free_at"], row["tries"]) == (None, 1)
    assert row["fault"].startswith("the database is in use")
    assert await sweep(cli.store, cli.sojourn.client, cli.home) == 0
    assert (await cli("customer", "erasures", "--json")).json[0]["tries"] == 1, "not at once again"
    async with cli.store.transaction() as session:
        await session.exec(update(ErasureRow).values(scrub_after=None))
    await sweep(cli.store, cli.sojourn.client, cli.home)
    assert (await cli("customer", "erasures")).out == "no unfinished erasures\n"
    assert (await cli("customer", "erasures", "--all", "--json")).json[0]["files_free_at"]
