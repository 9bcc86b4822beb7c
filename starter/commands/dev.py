"""``sojourn dev``: everything running on this machine."""

import asyncio
import signal

from settings import load_settings
from starter.cli import app, run
from starter.output import console
from starter.stack import GATEWAY_PORT, TEMPORAL_PORT, UI_PORT, Stack, dev_stack


@app.command()
def dev() -> None:
    """Run Temporal's dev server with its web UI, a worker, the gateway. Ctrl-C stops all of it."""
    run(_dev())


async def _dev() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def restarted(code: int) -> None:
        console.print(f"the worker or the gateway ended with code {code} and is started again")

    async with dev_stack(load_settings(), gateway=True, on_restart=restarted) as stack:
        _announce(stack)
        ended = asyncio.create_task(stack.server.wait())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if ended.done():
            console.print(f"Temporal's dev server has ended: {stack.server.last_words()}")
        ended.cancel()
        console.print("stopping")


def _announce(stack: Stack) -> None:
    home = stack.settings.home
    console.print("Sojourn is running. Ctrl-C stops all of it.\n")
    console.print(f"  Temporal UI   {stack.ui}")
    console.print(f"  Temporal      {stack.address}  (namespace {stack.client.namespace})")
    console.print(f"  worker        process {stack.worker.pid}, log {home / 'worker.log'}")
    if stack.gateway:
        console.print(f"  gateway       {stack.gateway.url}, log {home / 'gateway.log'}")
        console.print(f"  write key     {stack.gateway.write_key}")
    console.print(f"  database      {stack.settings.store_url}", soft_wrap=True)
    console.print("  messages      kept for `sojourn outbox`")
    wished = (TEMPORAL_PORT, UI_PORT, GATEWAY_PORT)
    used = (stack.address, stack.ui, stack.gateway.url if stack.gateway else f":{GATEWAY_PORT}")
    taken = [p for p, address in zip(wished, used, strict=True) if not address.endswith(f":{p}")]
    if taken:
        console.print(
            f"\nTaken: port {', '.join(map(str, taken))}; so others are used. "
            "Sojourn's other commands find them by themselves."
        )
