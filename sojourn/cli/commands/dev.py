"""``sojourn dev``: run everything on this machine."""

import asyncio
import signal
from typing import Annotated

import typer

from sojourn.cli.here import Here
from sojourn.cli.local.fakes import Wish, read_wish
from sojourn.cli.local.stack import GATEWAY_PORT, TEMPORAL_PORT, UI_PORT, Stack, dev_stack
from sojourn.cli.output import console
from sojourn.cli.running import run
from sojourn.domain.errors import BadInput, Unavailable
from sojourn.serving.sandbox import check_journeys

app = typer.Typer(add_completion=False)


@app.command()
def dev(
    choices: Annotated[
        list[str] | None,
        typer.Argument(metavar="CHANNEL=PROVIDER,...", help="Other fakes than the usual ones."),
    ] = None,
    *,
    fake_providers: Annotated[
        bool, typer.Option("--fake-providers", help="Send to fakes of providers, with a page.")
    ] = False,
    fail: Annotated[
        float, typer.Option(min=0, max=100, help="Per cent of the fakes' calls that fail.")
    ] = 0,
) -> None:
    """Run Temporal's dev server with its web UI, a worker, the gateway. Ctrl-C stops them."""
    if not fake_providers and (choices or fail):
        raise BadInput("providers and --fail are for --fake-providers: add it")
    run(_dev(Here.compose(), read_wish(choices or [], fail) if fake_providers else None))


async def _dev(here: Here, fakes: Wish | None) -> None:
    await check_journeys(here.project)
    if fakes is None:  # fakes bring their own settings
        for provider in set(here.project.carriers.chosen(here.settings).values()):
            await provider.close()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def restarted(code: int) -> None:
        console.print(f"the worker or the gateway ended with code {code} and is started again")

    async with dev_stack(here.settings, gateway=True, fakes=fakes, on_restart=restarted) as stack:
        _announce(stack)
        children = [stack.server, *([stack.fakes.process] if stack.fakes else [])]
        ended = {asyncio.create_task(child.wait()): child for child in children}
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({*ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        died = [child for task, child in ended.items() if task.done()]
        for task in ended:
            task.cancel()
        console.print("stopping")
    if died:
        raise Unavailable("; ".join(f"{one.name} ended: {one.last_words()}" for one in died))


def _announce(stack: Stack) -> None:
    home = stack.settings.home
    console.print("Sojourn is running. Ctrl-C stops all of it.\n")
    console.print(f"  Temporal UI   {stack.ui}")
    console.print(f"  Temporal      {stack.address}  (namespace {stack.client.namespace})")
    console.print(f"  worker        process {stack.worker.pid}, log {home / 'worker.log'}")
    if stack.gateway:
        console.print(f"  gateway       {stack.gateway.url}, log {home / 'gateway.log'}")
        console.print(f"  its numbers   {stack.gateway.operations}/metrics, /readyz, /openapi.json")
        console.print(f"  write key     {stack.gateway.write_key}")
    console.print(f"  database      {stack.settings.store_url}", soft_wrap=True)
    if stack.fakes:
        log = stack.fakes.process.log
        console.print(f"  providers     {stack.fakes.url} shows what the fakes accepted, log {log}")
    console.print("  messages      kept for `sojourn outbox`")
    if stack.settings.only_to is not None:
        console.print(f"  only to       {stack.settings.only_to} (SOJOURN_ONLY_TO)")
    wished = (TEMPORAL_PORT, UI_PORT, GATEWAY_PORT)
    used = (stack.address, stack.ui, stack.gateway.url if stack.gateway else f":{GATEWAY_PORT}")
    taken = [p for p, address in zip(wished, used, strict=True) if not address.endswith(f":{p}")]
    if taken:
        console.print(
            f"\nOther programs have the ports {' and '.join(map(str, taken))}, so others are used. "
            "Sojourn's other commands find them by themselves."
        )
