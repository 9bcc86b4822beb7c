"""Temporal's dev server starts although another process took its port in the meantime."""

import socket
from pathlib import Path

import pytest

from sojourn.cli.local.processes import HOST, free_port
from sojourn.cli.local.stack import PORT_TAKEN, dev_server


@pytest.mark.long
async def test_the_dev_server_tries_another_port_when_its_own_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((HOST, 0)) as quicker:
        ports = iter([quicker.getsockname()[1]])
        monkeypatch.setattr(
            "sojourn.cli.local.stack.free_port",
            lambda wished=None: next(ports, None) or free_port(),
        )
        async with dev_server(tmp_path, ports=False, lasting=False) as server:
            assert await server.client.service_client.check_health()
    assert PORT_TAKEN in (tmp_path / "temporal.log").read_text()
