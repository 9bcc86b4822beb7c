"""``sojourn coupon``: the pools of codes; list, import, make, show, export."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli.by_hand import ANYBODY, check_name
from sojourn.cli.couponing import COLUMN, COLUMNS, export_codes, import_codes, make_codes
from sojourn.cli.here import Here
from sojourn.cli.importing import Imported, Tally, show_report
from sojourn.cli.options import MOST, AsJson, By, DryRun, RefusedRows
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.progress import progress, told_how_far
from sojourn.cli.records import STDIN, count_lines
from sojourn.cli.rows import Refused, refused_path, written
from sojourn.cli.running import run
from sojourn.domain.coupons import FILE, Pool
from sojourn.domain.errors import UnknownName
from sojourn.domain.states import CouponState
from sojourn.insight import coupons
from sojourn.insight.coupons import CodeShown

app = typer.Typer(
    help="List pools of coupons; import, make and export codes, and show who has one.",
    no_args_is_help=True,
    add_completion=False,
)

PoolName = Annotated[
    str, typer.Argument(metavar="POOL", help=f"As {FILE} of the project names it.")
]


@app.command("list")
def list_them(
    *,
    customer: Annotated[
        str | None, typer.Option("--customer", help="The codes that this customer was given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the pools: how many codes are free, reserved, expired, used, retired, withdrawn."""
    here = Here.compose()
    if customer is None:
        run(_list(here, as_json=as_json))
    else:
        run(_list_codes(here, customer, as_json=as_json))


@app.command("import")
def import_them(
    name: PoolName,
    file: Annotated[
        Path, typer.Argument(help="CSV with a header, or JSON lines; may be .gz; - is stdin.")
    ],
    *,
    column: Annotated[str, typer.Option("--column", help="The column with the codes.")] = COLUMN,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take out those that nobody has.")
    ] = False,
    by: By = ANYBODY,
    dry_run: DryRun = False,
    refused: RefusedRows = None,
    as_json: AsJson = False,
) -> None:
    """Put the codes of a file into a pool, or take them out of it.

    A file can be imported again, even after Ctrl-C: a code in the pool stays as it is.
    """
    here = Here.compose()
    check_name(by, here.project)
    pool = here.project.coupons.named(name)
    report = Imported(dry_run=dry_run)
    rows = Refused(refused_path(file, refused))
    run(_import(here, pool, file, report, rows, column=column, by=by, remove=remove))
    unit = "codes taken out" if remove else "codes put in"
    show_report(report, rows, as_json=as_json, unit=unit)


@app.command()
def make(
    name: PoolName,
    to: Annotated[
        Path,
        typer.Option("--to", help="A new file for the shop; - is standard output."),
    ],
    number: Annotated[int, typer.Option("--number", min=1, max=MOST, help="How many codes.")],
    *,
    by: By = ANYBODY,
    as_json: AsJson = False,
) -> None:
    """Generate codes by the pattern of a pool, and write them to a file.

    The shop has to know the codes: load the file there. `export` writes it again.
    """
    here = Here.compose()
    check_name(by, here.project)
    run(_make(here, here.project.coupons.named(name), to, number, by=by, as_json=as_json))


@app.command()
def show(
    code: Annotated[str, typer.Argument(metavar="CODE", help="However it was typed.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a code: who has it, by which message, until when, and the orders that named it."""
    run(_show(Here.compose(), code, as_json=as_json))


@app.command()
def export(
    name: PoolName,
    to: Annotated[Path, typer.Option("--to", help="A new file; - is standard output.")],
    *,
    state: Annotated[
        str, typer.Option("--state", help="free, reserved, used, retired or withdrawn.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write the codes of a pool to a file, with the state of each."""
    if state and state not in list(CouponState):
        raise UnknownName("state of a coupon", state, [one.value for one in CouponState])
    run(_export(Here.compose(), name, to, CouponState(state) if state else None, as_json=as_json))


async def _list(here: Here, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        found = await coupons.pools(session, here.project.coupons, datetime.now(UTC))
    if as_json:
        show_json({"pools": [one.model_dump() for one in found]})
        return
    if not found:
        show_line(f"no pool: a project lists its pools in {FILE}")
        return
    show_list(
        ("pool", "free", "reserved", "expired", "used", "retired", "withdrawn", ""),
        (
            (
                one.pool,
                one.free,
                one.reserved,
                one.expired,
                one.used,
                one.retired,
                one.withdrawn,
                _remark(one),
            )
            for one in found
        ),
    )


async def _list_codes(here: Here, customer: str, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        found = await coupons.of_customer(session, customer, datetime.now(UTC))
    if as_json:
        show_json([one.model_dump() for one in found])
        return
    if not found:
        show_line(f"{customer} was given no code")
        return
    show_list(
        ("code", "pool", "state", "given (UTC)", "good until", "by", "message"),
        (
            (
                one.code,
                one.pool,
                one.state,
                one.reserved_at,
                one.expires_at,
                f"{one.journey}/{one.step}",
                one.message,
            )
            for one in found
        ),
    )


def _remark(one: coupons.PoolShown) -> str:
    if not one.declared:
        return f"not in {FILE}"
    return f"fewer than {one.low_water}" if one.is_low else ""


async def _import(
    here: Here,
    pool: Pool,
    file: Path,
    report: Imported,
    rows: Refused,
    *,
    column: str,
    by: str,
    remove: bool,
) -> None:
    total = count_lines(file)
    async with here.store() as store:
        with progress("importing", total) as on_row:
            tally = Tally(report, rows, on_row)
            with told_how_far(tally.how_far):
                await import_codes(store, pool, file, tally, column=column, by=by, remove=remove)


async def _make(here: Here, pool: Pool, to: Path, number: int, *, by: str, as_json: bool) -> None:
    async with here.store() as store:
        with written(to, (COLUMN,)) as rows:
            await make_codes(store, pool, number, rows, by=by)
    if to == STDIN:
        return
    if as_json:
        show_json({"pool": pool.name, "made": number, "file": str(to)})
    else:
        show_line(f"{number} codes of {pool.name} are made, and in {to}: load them in the shop")


async def _show(here: Here, code: str, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        found = await coupons.show(session, code, datetime.now(UTC))
    if as_json:
        show_json(found.model_dump())
    else:
        _tell(found)


def _tell(found: CodeShown) -> None:
    show_line(f"{found.code} of {found.pool}: {found.state}", style="bold")
    show_line(f"in the pool since {_moment(found.added_at)} ({found.source})")
    if found.message is not None:
        whose = found.customer_id or "a customer who is erased"
        show_line(
            f"given to {whose} {_moment(found.reserved_at)} by {found.journey}, {found.step}: "
            f"message {found.message}, {found.message_state}"
        )
    elif found.reserved_at is not None:
        show_line(f"given away {_moment(found.reserved_at)}, to a customer who is erased")
    if found.expires_at is not None:
        show_line(f"good until {_moment(found.expires_at)}")
    for use in found.uses:
        another = ", who was not given it" if use.by_another else ""
        show_line(
            f"used {_moment(use.at)} by {use.customer_id}{another}, with the order {use.order_id}"
        )


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""


async def _export(
    here: Here, name: str, to: Path, state: CouponState | None, *, as_json: bool
) -> None:
    async with here.store() as store:
        async with store.reading() as session:
            declared = await coupons.pools(session, here.project.coupons, datetime.now(UTC))
        if name not in (known := [one.pool for one in declared]):
            raise UnknownName("pool of coupons", name, known, hint=f"{FILE} lists none")
        with written(to, COLUMNS) as rows:
            number = await export_codes(store, name, rows, state=state)
    if to == STDIN:
        return
    if as_json:
        show_json({"pool": name, "written": number, "file": str(to)})
    else:
        show_line(f"{number} codes of {name} are in {to}")
