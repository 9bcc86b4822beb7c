"""Move the clock of one run on a development server."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

from sojourn.domain.errors import BadInput, UnknownName


async def forward(client: Client, workflow_id: str, by: timedelta) -> None:
    """Move the clock of one run, and wait until it has moved or the run has ended.

    Args:
        client: the connection to Temporal.
        workflow_id: the workflow id of an open run.
        by: the length of time.

    Raises:
        UnknownName: there is no such run, or it has ended.
        BadInput: the server does not move clocks.
    """
    try:
        await TimeSkipper(client).fast_forward(client.get_workflow_handle(workflow_id), by)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise UnknownName("open run", workflow_id, hint="`sojourn runs` lists them") from None
        if error.status in (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.UNIMPLEMENTED):
            raise BadInput(
                f"this Temporal server does not move clocks ({error.message}): "
                "fast-forward works on `sojourn dev`"
            ) from None
        raise
