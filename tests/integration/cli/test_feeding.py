"""Feeding, which start and publish share: pace, order, fields, interruptions."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from sojourn.cli.fields import read_fields
from sojourn.cli.pace import Pace, feed
from sojourn.cli.records import opened, read_records
from sojourn.domain.errors import BadInput
from sojourn.domain.events import OrderCompleted
from sojourn.store import runs
from tests.support.cli_stack import Cli


async def test_feeding_keeps_an_even_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(
        asyncio.get_running_loop().__class__, "time", lambda _: 1000.0, raising=True
    )
    pace = Pace(100)
    for _ in range(4):
        await pace.turn()
    assert waits == pytest.approx([0.01, 0.02, 0.03])


async def test_feeding_without_a_rate_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(seconds: float) -> None:
        raise AssertionError(f"waits {seconds} s")

    monkeypatch.setattr(asyncio, "sleep", sleep)
    pace = Pace(None)
    for _ in range(1000):
        await pace.turn()


async def test_lanes_keep_their_order_and_run_side_by_side() -> None:
    done: list[tuple[str, int]] = []
    busy = most = 0

    async def work(item: tuple[str, int]) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.001 if item[1] % 2 else 0)
        done.append(item)
        busy -= 1

    items = [(lane, n) for n in range(20) for lane in "abcdef"]
    await feed(iter(items), work, lane=lambda item: item[0])
    assert sorted(done) == sorted(items)
    assert most > 1
    for lane in "abcdef":
        assert [n for name, n in done if name == lane] == list(range(20))


async def test_the_first_failure_ends_feeding_and_stops_the_reader() -> None:
    taken = count()

    async def work(item: int) -> None:
        if item == 3:
            raise BadInput("three")

    def items() -> Iterator[int]:
        for n in count():
            next(taken)
            yield n

    with pytest.raises(BadInput, match="three"):
        await feed(items(), work, lane=str)
    await _until_no_reader()
    assert next(taken) < 1000


async def test_a_failure_of_the_reader_is_raised() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise BadInput("torn")

    async def work(item: int) -> None:
        pass

    with pytest.raises(BadInput, match="torn"):
        await feed(items(), work, lane=str)


async def test_work_goes_on_while_feeding_waits_for_the_next_item() -> None:
    first_done = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        assert first_done.wait(5), "the first item must not wait for the second"
        yield 2

    async def work(item: int) -> None:
        first_done.set()

    await feed(items(), work, lane=str)


async def _until_no_reader() -> None:
    deadline = time.monotonic() + 5
    while any(thread.name == "lines ahead" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_fields_of_a_file_stay_text_where_they_look_like_numbers() -> None:
    given = read_fields(["order_id=007", "total=1e1", 'cart_id="quoted"'], OrderCompleted)
    assert given == {"order_id": "007", "total": "1e1", "cart_id": "quoted"}
    assert read_fields(["n=1", "t=true", "s=a=b", "e="], None) == {
        "n": 1, "t": True, "s": "a=b", "e": "",
    }  # fmt: skip


def test_bytes_that_are_not_text_are_one_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes("customer_id,name\nc1,Łódź\n".encode() + "c2,Malmö\n".encode("latin-1"))
    records = dict(read_records(file, needed=()))
    assert records[2] == {"customer_id": "c1", "name": "Łódź"}
    assert getattr(records[3], "reason", "") == "is not UTF-8"


def test_a_folder_in_place_of_a_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Is a directory"), opened(tmp_path):
        pass


@pytest.mark.long
async def test_ctrl_c_says_how_far_feeding_got_and_the_file_can_be_fed_again(
    cli: Cli, tmp_path: Path
) -> None:
    customers = [await cli.identify() for _ in range(12)]
    file = tmp_path / "all.csv"
    file.write_text("\n".join(["customer_id", *customers]))
    command = [sys.executable, "-m", "sojourn", "start", "onboarding", "--file", str(file)]
    process = await asyncio.to_thread(
        subprocess.Popen, [*command, "--rate", "1"], stderr=subprocess.PIPE, env=os.environ
    )
    await _started(cli, customers)
    process.send_signal(signal.SIGINT)
    _, said = await asyncio.to_thread(process.communicate, timeout=20)
    assert process.returncode == 130
    assert b"so far; run the same file again to go on" in said
    assert b"Traceback" not in said
    rest = (await cli("start", "onboarding", "--file", file, "--rate", 1000, "--json")).json
    assert 0 < rest["before"] < 12
    assert rest["before"] + rest["started"] == 12


async def _started(cli: Cli, customers: list[str]) -> None:
    """Wait until the first customer has a run."""
    deadline = time.monotonic() + 20
    while True:
        async with cli.store.reading() as session:
            if any([await runs.of_customer(session, customer) for customer in customers]):
                return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
