"""``sojourn webhooks``: the addresses that are told what happens; list, replay."""

from typing import Annotated
from urllib.parse import urlsplit

import typer

from sojourn.cli.here import Here
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.hooks import ADDRESSES, Hook, read_hooks
from sojourn.store import changes, hooks

app = typer.Typer(
    help="List the addresses that are told what happens, or tell them once more.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command("list")
def show(*, as_json: AsJson = False) -> None:
    """List the addresses: how far each is told, what waits, and what went wrong."""
    run(_show(Here.compose(), as_json=as_json))


@app.command()
def replay(
    *,
    since: Annotated[
        int, typer.Option("--since", min=0, metavar="SEQ", help="What came after this number.")
    ],
    hook: Annotated[
        str | None, typer.Option("--hook", help="This address alone; all if none is named.")
    ] = None,
) -> None:
    """Tell addresses once more what came after a number: each thing in its newest state."""
    run(_replay(Here.compose(), since, hook))


def _addresses(here: Here) -> tuple[Hook, ...]:
    found = read_hooks(
        here.settings.webhooks_out, here.settings.webhooks_out_secret.get_secret_value()
    )
    if not found:
        raise BadInput(f"{ADDRESSES} names no address: crm=https://crm.example/hook")
    return found


async def _show(here: Here, *, as_json: bool) -> None:
    rows = []
    async with here.store() as store, store.reading() as session:
        feed = await changes.feed(session)
        for one in _addresses(here):
            row = await hooks.row_of(session, one.name)
            waiting, failed = await hooks.waiting(session, one.name)
            rows.append(
                {
                    "name": one.name,
                    "host": urlsplit(one.url).hostname,
                    "seq": row.seq if row else None,
                    "newest": feed.seq if feed else None,
                    "waiting": waiting,
                    "failing_customers": failed,
                    "given_up": row.given_up if row else 0,
                    "open_until": row.open_until if row else None,
                    "fault": row.fault if row else None,
                }
            )
    if as_json:
        show_json(rows)
        return
    titles = ["name", "host", "told", "newest", "waiting", "failing", "given up", "pauses until"]
    show_list([*titles, "fault"], [tuple(row.values()) for row in rows])


async def _replay(here: Here, since: int, name: str | None) -> None:
    names = [one.name for one in _addresses(here)]
    if name is not None and name not in names:
        raise UnknownName("webhook", name, names)
    async with here.store() as store, store.transaction() as session:
        for one in [name] if name is not None else names:
            row = await hooks.row_of(session, one)
            if row is None:
                raise BadInput(f"{one} has been told nothing yet: a worker begins with it")
            if since > row.seq:
                raise BadInput(f"--since {since}: {one} is told up to {row.seq}")
            await hooks.go_back(session, one, since)
            show_line(f"{one}: told once more what came after {since}")
