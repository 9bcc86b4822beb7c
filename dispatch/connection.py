"""The way to Temporal: as ``TEMPORAL_*`` says, else the local stack, else localhost."""

import json
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from domain.errors import BadSetting, TemporalUnavailable
from settings import Settings

LOCAL_STACK = "dev.json"
DEFAULT_ADDRESS = "localhost:7233"


async def connect(
    settings: Settings, *, runtime: Runtime | None = None, lazy: bool = False
) -> Client:
    """Connect to Temporal.

    Raises:
        BadSetting: the environment or the profile makes no sense.
        TemporalUnavailable: no server answers there.
    """
    try:
        options: dict[str, Any] = {**ClientConfig.load_client_connect_config()}
    except (RuntimeError, ValueError, OSError) as error:
        raise BadSetting(f"Temporal's connection settings make no sense: {error}") from None
    address = options.pop("target_host", None) or local_address(settings) or DEFAULT_ADDRESS
    try:
        return await Client.connect(
            address,
            data_converter=pydantic_data_converter,
            runtime=runtime,
            lazy=lazy,
            **options,
        )
    except (RuntimeError, RPCError) as error:
        raise TemporalUnavailable(
            f"no Temporal server answers at {address} ({_first_line(error)}): "
            "start one with `sojourn dev`, or name yours in TEMPORAL_ADDRESS"
        ) from None


def local_address(settings: Settings) -> str | None:
    """Where `sojourn dev` of this folder has its server, if it runs."""
    path: Path = settings.home / LOCAL_STACK
    try:
        return str(json.loads(path.read_text())["temporal"])
    except (OSError, ValueError, KeyError):
        return None  # no local stack: that is what the caller wants to know


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
