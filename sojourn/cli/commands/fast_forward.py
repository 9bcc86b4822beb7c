"""``sojourn fast-forward``: move the clock of one run on a development server."""

import re
from datetime import timedelta
from typing import Annotated

import typer
from temporalio.client import WorkflowExecutionStatus

from sojourn.cli import output
from sojourn.cli.here import Here
from sojourn.cli.running import run
from sojourn.cli.travel import forward
from sojourn.domain.errors import BadInput
from sojourn.insight.runs import doing_of, held_until

app = typer.Typer(add_completion=False)

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_LONGEST = timedelta(days=3650)


@app.command("fast-forward")
def fast_forward(
    workflow_id: Annotated[str, typer.Argument(help="As `sojourn runs` shows it")],
    *,
    by: Annotated[str, typer.Option("--by", help="How far: 90s, 30m, 24h, 2d, 1w")],
) -> None:
    """Move the clock of one open run on a development server.

    Its timers fire and its messages leave as they would over time. Other runs are not affected. It
    works with `sojourn dev`; production servers do not allow it.
    """
    run(_fast_forward(Here.compose(), workflow_id, duration(by)))


def duration(text: str) -> timedelta:
    """Read ``90s``, ``30m``, ``24h``, ``2d`` or ``1w``.

    Raises:
        BadInput: the text is no such span, or the span is not between a second and ten years.
    """
    match = re.fullmatch(r"(\d{1,9})\s*([smhdw])", text.strip().lower())
    length = int(match[1]) * _UNITS[match[2]] if match else timedelta(0)
    if not timedelta(0) < length <= _LONGEST:
        raise BadInput(f'--by {text}: write a span of at most ten years, such as "24h" or "2d"')
    return length


async def _fast_forward(here: Here, workflow_id: str, by: timedelta) -> None:
    client = await here.temporal()
    await forward(client, workflow_id, by)
    handle = client.get_workflow_handle(workflow_id)
    description = await handle.describe()
    if description.status is WorkflowExecutionStatus.RUNNING:
        doing, _ = await doing_of(handle, held_until=held_until(description))
        output.console.print(f"{workflow_id}: {doing}", markup=False)
    else:
        result = await handle.result()
        output.console.print(f"{workflow_id}: ended, {result['outcome']}", markup=False)
