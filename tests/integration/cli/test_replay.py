"""A recording is replayed through the real engine, and counted by an independent program."""

import gzip
import json
import os
import random
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from sojourn.cli import recordings as timeline
from sojourn.cli.calls import Fault, read_calls
from sojourn.cli.local.processes import Child
from sojourn.dispatch.calls import Ignored, Track
from sojourn.settings import Settings
from tests.support.project import PROJECT

BEGIN = datetime(2024, 2, 1, tzinfo=UTC)
WAITS = [timedelta(hours=24), timedelta(days=2), timedelta(days=4)]
STEPS = ["reminder", "nudge", "offer"]


def recording(seed: int, customers: int) -> list[dict[str, Any]]:
    """Return calls in time order: carts filled once or twice, bought in time, late or never."""
    rnd = random.Random(seed)
    calls: list[dict[str, Any]] = []

    def call(at: datetime, kind: str, who: str, **rest: Any) -> None:
        calls.append(
            {
                "type": kind,
                "messageId": f"m{len(calls)}",
                "userId": who,
                "timestamp": at.isoformat(),
                **rest,
            }
        )

    for n in range(customers):
        who, at = f"user_{n}", BEGIN + timedelta(seconds=rnd.randrange(20 * 86400))
        consent = {channel: rnd.random() < 0.8 for channel in ("email", "sms")}
        traits = {"email": f"{who}@shop.example", "phone": "+48601016107"}
        call(at, "identify", who, traits={**traits, "marketingConsent": consent})
        for cart in range(rnd.randrange(3)):
            for _ in range(rnd.randrange(1, 4)):
                at += timedelta(seconds=rnd.choice([5, 3600, 86399, 86401, 200_000, 900_000]))
                properties = {"cart_id": f"cart{cart}", "product_id": "p"}
                call(at, "track", who, event="Product Added", properties=properties)
            if rnd.random() < 0.6:
                at += timedelta(seconds=rnd.choice([60, 86399, 86401, 180_000, 2_000_000]))
                properties = {"order_id": f"o{n}", "cart_id": rnd.choice([f"cart{cart}", "other"])}
                call(at, "track", who, event="Order Completed", properties=properties)
        call(at, "track", who, event="Product Viewed", properties={"product_id": "p"})
    return sorted(calls, key=lambda c: str(c["timestamp"]))


def counted(calls: list[dict[str, Any]]) -> dict[str, Any]:
    """Count the outcomes of the abandoned-cart rule, from the calls in their order."""
    open_runs: dict[tuple[str, str], tuple[int, datetime]] = {}
    had: set[tuple[str, str]] = set()
    runs, outcomes, due = 0, Counter[str](), Counter[str]()

    def pass_time(key: tuple[str, str], until: datetime) -> None:
        while key in open_runs and open_runs[key][1] <= until:
            step, deadline = open_runs[key]
            due[STEPS[step]] += 1
            if step == 2:
                outcomes["exhausted"] += 1
                del open_runs[key]
            else:
                open_runs[key] = (step + 1, deadline + WAITS[step + 1])

    for call in calls:
        if call["type"] != "track" or "cart_id" not in call["properties"]:
            continue
        at = datetime.fromisoformat(call["timestamp"])
        key = (call["userId"], call["properties"]["cart_id"])
        pass_time(key, at)
        if call["event"] == "Product Added":
            had.add(key)
            runs += key not in open_runs
            open_runs[key] = (0, at + WAITS[0])
        elif call["event"] == "Order Completed":
            # a cart that nobody has heard of may be any of the customer's
            named = [key] if key in had else [other for other in had if other[0] == key[0]]
            for other in named:
                pass_time(other, at)
                outcomes["converted"] += open_runs.pop(other, None) is not None
    for key in list(open_runs):
        pass_time(key, datetime.max.replace(tzinfo=UTC))
    return {"runs": runs, "outcomes": dict(outcomes), "due": dict(due)}


def write(path: Path, calls: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(call) + "\n" for call in calls))
    return path


@pytest.mark.long
async def test_the_counts_of_a_replay_hold_although_the_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = recording(seed=5, customers=16)
    expected = counted(calls)
    assert min(expected["due"].values()) > 3  # the recording has every kind of outcome
    settings = Settings(
        home=tmp_path, database_url=f"sqlite:///{tmp_path}/replay.db", quiet_hours=None
    )
    workers: list[Child] = []
    start = Child.start

    async def watched(child: Child) -> None:
        if child.name == "the worker" and child not in workers:
            workers.append(child)
        await start(child)

    monkeypatch.setattr(Child, "start", watched)
    kill_at = {len(calls) // 3, 2 * len(calls) // 3}
    restarts: list[int] = []

    def progress(phase: str, done: int, total: int) -> None:
        if phase == "events" and done in kill_at:
            assert workers[0].pid is not None
            os.kill(workers[0].pid, signal.SIGKILL)

    result = await timeline.replay(
        [call for _, call in read_calls(write(tmp_path / "calls.jsonl", calls))],
        settings,
        PROJECT,
        progress=progress,
        on_restart=restarts.append,
    )
    answer = result.as_json()
    carts = answer["journeys"]["abandoned-cart"]
    assert answer["events"] == {
        "read": sum(call["type"] == "track" for call in calls),
        "stored": sum(call["type"] == "track" for call in calls),
        "rejected": 0,
    }
    assert {
        "runs": carts["runs"],
        "outcomes": carts["outcomes"],
        "due": {step: counts["due"] for step, counts in carts["steps"].items()},
    } == expected
    for counts in carts["steps"].values():
        assert counts["due"] == counts["sent"] + sum(counts["skipped"].values())
    assert restarts == [-signal.SIGKILL] * 2


@pytest.mark.long
async def test_an_identify_that_is_sent_again_takes_no_refusal_back(tmp_path: Path) -> None:
    consent = {"timezone": "UTC", "email": "a@shop.example", "marketingConsent": {"email": True}}
    refusal = {"marketingConsent": {"email": False}}
    cart = {"product_id": "p", "cart_id": "c"}
    calls = [
        {"type": kind, "messageId": name, "userId": "s1", "timestamp": f"2024-09-26T{at}Z", **rest}
        for kind, name, at, rest in (
            ("identify", "i1", "09:00:00", {"traits": consent}),
            ("identify", "i2", "09:10:00", {"traits": refusal}),
            ("identify", "i1", "09:20:00", {"traits": consent}),
            ("track", "e1", "10:15:00", {"event": "Product Added", "properties": cart}),
        )
    ]
    settings = Settings(
        home=tmp_path, database_url=f"sqlite:///{tmp_path}/replay.db", quiet_hours=None
    )
    read = [call for _, call in read_calls(write(tmp_path / "calls.jsonl", calls))]
    result = await timeline.replay(read, settings, PROJECT)
    steps = result.as_json()["journeys"]["abandoned-cart"]["steps"]
    assert steps["reminder"]["skipped"] == steps["offer"]["skipped"] == {"no_consent": 1}
    assert not any(step["sent"] for step in steps.values())


@pytest.mark.long
@pytest.mark.parametrize(
    ("removed", "fate"), [("11:00:00", {"sent": 1}), ("09:00:00", {"nothing_left": 1})]
)
async def test_a_message_shows_nothing_that_happens_after_it(
    tmp_path: Path, removed: str, fate: dict[str, int]
) -> None:
    traits = {"timezone": "UTC", "email": "a@shop.example", "marketingConsent": {"email": True}}
    cart = {"product_id": "p", "cart_id": "c"}
    calls = [
        {"type": kind, "messageId": at, "userId": "s4", "timestamp": f"2024-02-{at}Z", **rest}
        for kind, at, rest in (
            ("identify", "01T09:30:00", {"traits": traits}),
            ("track", "01T10:00:00", {"event": "Product Added", "properties": cart}),
            # no journey awaits it; the reminder, of 10:00, reads it
            ("track", f"02T{removed}", {"event": "Product Removed", "properties": cart}),
        )
    ]
    settings = Settings(
        home=tmp_path, database_url=f"sqlite:///{tmp_path}/replay.db", quiet_hours=None
    )
    read = [call for _, call in read_calls(write(tmp_path / "calls.jsonl", calls))]
    result = await timeline.replay(read, settings, PROJECT)
    reminder = result.as_json()["journeys"]["abandoned-cart"]["steps"]["reminder"]
    assert {"sent": reminder["sent"]} | reminder["skipped"] == {"sent": 0} | fate
    assert result.unknown == []


async def test_an_event_whose_runs_cannot_be_told_is_named_and_the_replay_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cart = {"product_id": "p", "cart_id": "c"}
    calls = [
        {"type": "track", "messageId": f"m{n}", "userId": f"u{n}", "event": "Product Added",
         "timestamp": f"2024-02-01T10:0{n}:00Z", "properties": cart}
        for n in range(3)
    ]  # fmt: skip
    settings = Settings(
        home=tmp_path, database_url=f"sqlite:///{tmp_path}/replay.db", quiet_hours=None
    )
    start = Client.start_workflow
    tries = Counter[str]()

    async def unanswered(client: Client, *args: Any, **options: Any) -> Any:
        who = args[1].customer_id
        tries[who] += 1
        if who == "u1" or (who == "u2" and tries[who] == 1):
            raise RPCError("lost", RPCStatusCode.UNAVAILABLE, b"")
        return await start(client, *args, **options)

    monkeypatch.setattr(Client, "start_workflow", unanswered)
    read = [call for _, call in read_calls(write(tmp_path / "calls.jsonl", calls))]
    result = await timeline.replay(read, settings, PROJECT)
    (unknown,) = result.unknown
    assert unknown.name == "m1 of u1"
    assert result.as_json()["unknown"] == [{"name": "m1 of u1", "reason": unknown.reason}]
    assert result.stored == 3
    assert result.journeys["abandoned-cart"].outcomes == {"exhausted": 2}


def test_the_shops_recording_has_its_true_counts() -> None:
    """The independent count agrees with the known figures of the shop's file, if it is there."""
    file = Path(__file__).parents[4] / "shared" / "data" / "shop-2024-q1.jsonl.gz"
    if not file.exists():
        pytest.skip("the recording is not part of the repository")
    with gzip.open(file, "rt") as lines:
        calls = [json.loads(line) for line in lines]
    assert counted(calls) == {
        "runs": 201,
        "outcomes": {"converted": 68, "exhausted": 133},
        "due": {"reminder": 147, "nudge": 139, "offer": 133},
    }


TRACK = '{"type": "track", "event": "X", "messageId": "m", "userId": "u"'
BAD_LINES = {
    "{": "not JSON",
    "[1]": "not a JSON object",
    '{"type": "track", "event": "X"}': "userId",
    '{"type": "track", "userId": "u"}': "event",
    '{"type": "dance", "userId": "u"}': "not a call",
    '{"type": "track", "event": "X", "messageId": "m", "userId": ""}': "userId",
    TRACK + ', "timestamp": "soon"}': "time",
    TRACK + ', "timestamp": "0001-01-01T00:00Z"}': "1970",
    '{"type": "track", "event": "Order Completed", "messageId": "m", "userId": "u"}': "order_id",
    TRACK + ', "userId": "v"}': "twice",
    '{"type": "track", "event": "X", "messageId": "m", "userId": "u\\u0000"}': "NUL",
    TRACK + ', "properties": {"a": nan}}': "not JSON",
    '{"type": "identify", "messageId": "m", "userId": "u", "traits": {"timezone": "Mars"}}': "zone",
    '{"type": "identify", "messageId": "m", "userId": "u", "traits": {"phone": "12"}}': "phone",
}


@pytest.mark.parametrize(("line", "said"), BAD_LINES.items())
def test_a_bad_line_of_a_recording_is_named_with_its_fault(
    tmp_path: Path, line: str, said: str
) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text("\n" + line + "\n")
    ((_, fault),) = read_calls(file)
    assert isinstance(fault, Fault)
    assert fault.line == 2
    assert said in fault.reason


def test_a_replay_reads_and_ignores_calls_of_other_types(tmp_path: Path) -> None:
    calls = recording(1, 1)
    page = {**calls[0], "type": "page"}
    kinds = [type(call) for _, call in read_calls(write(tmp_path / "c", [page, calls[-1]]))]
    assert kinds == [Ignored, Track]
