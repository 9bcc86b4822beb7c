"""`sojourn dev` says why it cannot serve, once, and ends."""

import asyncio
from pathlib import Path

import pytest

from sojourn.cli.local import processes
from sojourn.cli.local.processes import Child, kept_running, python
from sojourn.domain.errors import Unavailable
from tests.support.cli_stack import Cli


@pytest.mark.parametrize("channel", ["EMAIL=postmark", "SMS=twilio", "PUSH=fcm"])
async def test_a_provider_without_credentials_is_named_before_anything_starts(
    offline: Cli, monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    name, _, provider = channel.partition("=")
    monkeypatch.setenv(f"SOJOURN_{name}_PROVIDER", provider)
    answer = await offline("dev")
    assert answer.code == 2
    assert answer.fault.startswith(f"{provider} is chosen, which needs SOJOURN_{provider.upper()}_")
    assert not (offline.home / "worker.log").exists()


async def test_a_process_that_cannot_start_is_not_started_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "CRASH_WINDOW_SECONDS", 0)  # as on a slow machine
    said = "import sys; sys.exit('worker: no credentials')"
    child = Child("the worker", python("-c", said), tmp_path / "worker.log")
    ends: list[int] = []
    with pytest.raises(Unavailable, match="the worker keeps failing: worker: no credentials"):
        async with kept_running(child, ends.append):
            await asyncio.Event().wait()
    assert ends == [1, 1]
