"""Connect to Temporal: as ``TEMPORAL_*`` says, else the local stack, else localhost."""

import json
import re
from pathlib import Path
from typing import Any

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from sojourn.domain.errors import BadSetting, TemporalUnavailable
from sojourn.journeys.queues import ATTRIBUTES
from sojourn.settings import Settings

LOCAL_STACK = "dev.json"
DEFAULT_ADDRESS = "localhost:7233"


async def connect(
    settings: Settings, *, runtime: Runtime | None = None, lazy: bool = False
) -> Client:
    """Connect to Temporal.

    Args:
        settings: for the folder of the local stack.
        runtime: with metrics; None: Temporal's default.
        lazy: connect at the first call.

    Returns:
        A client with the pydantic data converter.

    Raises:
        BadSetting: the environment or the profile makes no sense.
        TemporalUnavailable: no server answers there.
    """
    try:
        options: dict[str, Any] = {**ClientConfig.load_client_connect_config()}
    except (RuntimeError, ValueError, OSError) as error:
        raise BadSetting(
            f"Temporal's connection settings make no sense: {error}; see TEMPORAL_CONFIG_FILE, "
            "TEMPORAL_PROFILE and the other TEMPORAL_*"
        ) from None
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
            f"no Temporal server answers at {address} ({_said(error)}): "
            "start one with `sojourn dev`, or name yours in TEMPORAL_ADDRESS"
        ) from None


async def require_search_attributes(client: Client) -> None:
    """Check that the namespace knows the search attributes before a run needs them.

    Raises:
        TemporalUnavailable: some are missing; a run would block on the first it sets.
    """
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = [a.name for a in ATTRIBUTES if a.name not in answer.custom_attributes]
    if missing:
        raise TemporalUnavailable(
            f"the namespace {client.namespace} lacks the search attributes {', '.join(missing)}: "
            "make each with `temporal operator search-attribute create --type Keyword --name NAME`"
        )


def local_address(settings: Settings) -> str | None:
    """Return the address of the server of this folder's `sojourn dev`; None if it does not run."""
    path: Path = settings.home / LOCAL_STACK
    try:
        return str(json.loads(path.read_text())["temporal"])
    except (OSError, ValueError, KeyError):
        return None  # no local stack runs: the caller goes on to the default


def _said(error: BaseException) -> str:
    """Return the heart of the transport's message: "Connection refused"."""
    inner = re.findall(r'message: "([^"]+)"', str(error))
    return inner[-1] if inner else next(iter(str(error).strip().splitlines()), type(error).__name__)
