"""The rules of ``policy.toml`` are read again when the file changes, and a broken edit is told."""

import asyncio
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import time
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from sojourn.domain.caps import NO_CAPS, Limit
from sojourn.domain.errors import BadPolicy
from sojourn.domain.messages import Channel
from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.week import read_week
from sojourn.policies import LOOK_EVERY, Policy
from sojourn.serving.command import main
from sojourn.serving.loop import watch_policy
from tests.support.project import PROJECT

NIGHT = QuietHours(time(21), time(9))
DAY = 'quiet_hours = "22:00-07:00"'


class Clock:
    """Seconds that go forward when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.toml"


@pytest.fixture
def told() -> Iterator[list[logging.LogRecord]]:
    records: list[logging.LogRecord] = []
    logger, handler = logging.getLogger("sojourn.policy"), logging.Handler()
    handler.emit = records.append  # type: ignore[assignment]
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield records
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def quiet(policy: Policy) -> str:
    """Return the quiet hours that hold, as they were written."""
    found = policy().holders(Channel.EMAIL)
    return ", ".join(str(getattr(one, "week", "")) for one in found)


_edits = iter(range(1, 1_000_000))


def edit(file: Path, text: str, clock: Clock) -> None:
    """Write the file, at a moment of its own, and let the time pass for which nobody looks."""
    file.write_text(text)
    seconds = next(_edits)
    os.utime(file, (seconds, seconds))
    clock.now += LOOK_EVERY


def test_without_a_file_the_setting_holds(file: Path) -> None:
    assert quiet(Policy(file, NIGHT)) == quiet(Policy(None, NIGHT)) == "21:00-09:00"
    assert Policy(None, None)().holders(Channel.EMAIL) == ()


def test_a_change_holds_from_the_next_look_on(file: Path, clock: Clock) -> None:
    policy = Policy(file, NIGHT, clock=clock)
    edit(file, DAY, clock)
    assert quiet(policy) == "22:00-07:00"
    edit(file, 'quiet_hours = "off"', clock)
    assert quiet(policy) == ""
    assert policy.fault == ""


def test_the_file_is_looked_at_every_few_seconds_alone(
    file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = Policy(file, NIGHT, clock=clock)
    file.write_text(DAY)
    clock.now += LOOK_EVERY / 2
    assert quiet(policy) == "21:00-09:00"
    clock.now += LOOK_EVERY
    assert quiet(policy) == "22:00-07:00"
    clock.now += LOOK_EVERY
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: pytest.fail("it has not changed"))
    assert quiet(policy) == "22:00-07:00"


def test_a_broken_edit_keeps_the_last_good_rules_and_is_told_once(
    file: Path, clock: Clock, told: list[logging.LogRecord]
) -> None:
    file.write_text(DAY)
    policy = Policy(file, NIGHT, clock=clock)
    edit(file, 'quiet_hours = "22-7"', clock)
    for _ in range(5):
        assert policy().quiet == read_week("22:00-07:00")
        clock.now += LOOK_EVERY
    (record,) = told
    assert str(file) in record.getMessage()
    assert 'quiet_hours cannot read "22-7"' in record.getMessage()
    assert policy.fault.startswith(f'{file}: quiet_hours cannot read "22-7"')
    edit(file, 'quiet_hours = "23:00-06:00"', clock)
    assert quiet(policy) == "23:00-06:00"
    assert policy.fault == ""


def test_another_fault_is_told_as_well(
    file: Path, clock: Clock, told: list[logging.LogRecord]
) -> None:
    policy = Policy(file, NIGHT, clock=clock)
    for text in ("quiet_hours", "zone = 1", "zone = 1 # still"):
        edit(file, text, clock)
        policy()
    assert len(told) == 2


def test_taking_a_broken_edit_back_mends_it(
    file: Path, clock: Clock, told: list[logging.LogRecord]
) -> None:
    file.write_text(DAY)
    policy = Policy(file, NIGHT, clock=clock)
    for text in ("quiet_hours", DAY):
        edit(file, text, clock)
        assert quiet(policy) == "22:00-07:00"
    assert policy.fault == ""
    assert [record.levelname for record in told] == ["ERROR", "INFO"]


def test_a_file_that_vanishes_takes_no_rule_away(
    file: Path, clock: Clock, told: list[logging.LogRecord]
) -> None:
    file.write_text(DAY)
    policy = Policy(file, None, clock=clock)
    file.unlink()
    clock.now += LOOK_EVERY
    assert quiet(policy) == "22:00-07:00"
    assert policy.fault == f"{file}: is gone"
    edit(file, 'quiet_hours = "23:00-06:00"', clock)
    assert quiet(policy) == "23:00-06:00"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"quiet_hours = 9", "quiet_hours: write it as text"),
        (b"\xff", "is not written in UTF-8"),
    ],
)
def test_nothing_starts_with_a_file_that_cannot_be_read(file: Path, text: bytes, said: str) -> None:
    file.write_bytes(text)
    with pytest.raises(BadPolicy) as raised:
        Policy(file, NIGHT)
    assert str(raised.value).startswith(f"{file}: ")
    assert said in str(raised.value)


def test_a_folder_of_that_name_is_a_fault(file: Path) -> None:
    file.mkdir()
    with pytest.raises(BadPolicy, match="cannot be read"):
        Policy(file, NIGHT)


def test_a_worker_does_not_start_with_a_broken_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("zone = 1")
    project = replace(PROJECT, policy=file)
    monkeypatch.setattr("sojourn.serving.command.load_project", lambda: project)
    monkeypatch.setattr("sojourn.serving.command.check_secrets", lambda settings: None)
    assert main([]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f'worker: {file}: no such name "zone"')


async def test_the_gauge_is_one_while_the_file_is_broken(
    file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[int] = []
    client = MagicMock()
    runtime = client.service_client.config.runtime
    runtime.metric_meter.create_gauge.return_value.set = shown.append
    policy = Policy(file, NIGHT, clock=clock)
    texts = iter(["zone = 1", DAY])

    async def edited(seconds: float) -> None:
        text = next(texts, None)
        if text is None:
            raise asyncio.CancelledError
        edit(file, text, clock)

    monkeypatch.setattr("sojourn.serving.loop.asyncio.sleep", edited)
    with pytest.raises(asyncio.CancelledError):
        await watch_policy(client, policy)
    assert shown == [0, 1, 0]
    assert runtime.metric_meter.create_gauge.call_args.args[0] == "sojourn_policy_fault"


def test_the_contradiction_names_the_file(file: Path) -> None:
    file.write_text('[[rules]]\nname = "r"\nopen = "22:00-23:00"\n')
    with pytest.raises(BadPolicy, match=r"policy.toml: nothing could ever leave by email"):
        Policy(file, NIGHT)


def test_an_installation_may_do_without_the_caps_of_the_file(file: Path) -> None:
    file.write_text("[caps]\nper_week = 2\n")
    assert Policy(file, None)().caps.limits == (Limit(2, 7),)
    assert Policy(file, None, caps=False)().caps == NO_CAPS
