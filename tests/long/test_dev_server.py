"""A local stack is whole, although another took the ports that it had found free."""

import asyncio
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from sojourn.cli.local.processes import HOST, free_port
from sojourn.cli.local.stack import PORT_TAKEN, dev_server
from tests.support.dev_command import dev_command

pytestmark = pytest.mark.long
URLS = ("ui", "gateway", "operations")


def taken(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next look for a free port find this one."""
    ports = iter([port])
    monkeypatch.setattr(
        "sojourn.cli.local.stack.free_port", lambda wished=None: next(ports, None) or free_port()
    )


async def test_the_dev_server_tries_another_port_when_its_own_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((HOST, 0)) as quicker:
        taken(quicker.getsockname()[1], monkeypatch)
        async with dev_server(tmp_path, ports=False, lasting=False) as server:
            assert await server.client.service_client.check_health()
    assert PORT_TAKEN in (tmp_path / "temporal.log").read_text()


async def test_the_temporal_of_another_that_took_the_port_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
    async with dev_server(tmp_path / "theirs", ports=False, lasting=False) as theirs:
        taken(int(theirs.address.rpartition(":")[2]), monkeypatch)
        async with dev_server(tmp_path / "ours", ports=False, lasting=False) as ours:
            assert ours.address != theirs.address
            assert PORT_TAKEN in ours.process.log.read_text()
            assert await ours.client.service_client.check_health()


async def test_two_dev_commands_begun_at_once_are_two_stacks(tmp_path: Path) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        home.mkdir()
    async with AsyncExitStack() as opened:
        async with asyncio.TaskGroup() as starting:
            begun = [
                starting.create_task(opened.enter_async_context(dev_command(home)))
                for home in homes
            ]
        stacks = [task.result() for task in begun]
        for child, noted in stacks:
            family = psutil.Process(child.pid).children(recursive=True)
            listening = {
                f"{HOST}:{one.laddr.port}"
                for process in family
                for one in process.net_connections("tcp")
                if one.status == psutil.CONN_LISTEN
            }
            said = {noted["temporal"], *(noted[k].partition("//")[2] for k in URLS)}
            assert said <= listening
        async with httpx.AsyncClient() as http:
            call = {"userId": "c-1", "event": "Signed Up", "messageId": "s-1"}
            answers = [
                await http.post(f"{noted['gateway']}/v1/track", json=call, auth=(key, ""))
                for _, noted in stacks
                for key in ((home / "write_key").read_text() for home in homes)
            ]
        assert [answer.status_code for answer in answers] == [200, 401, 401, 200]
