"""``sojourn tasks``: what journeys ask people, and the answers."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.cli.by_hand import check_name
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson, Limit
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.errors import SojournError, TemporalUnavailable, UnknownName
from sojourn.domain.tasks import TaskState
from sojourn.insight.tasks import Task, task_of
from sojourn.store import people, tasks
from sojourn.store.tables import TaskRow

app = typer.Typer(add_completion=False)

Number = Annotated[int, typer.Argument(metavar="ID", min=1, help="As `sojourn tasks` shows it.")]
Everything = Annotated[bool, typer.Option("--all", help="Those that are over as well.")]
Whose = Annotated[str | None, typer.Option("--customer", help="Only of this customer.")]
Who = Annotated[str, typer.Option("--by", help="Who answers: a name. It is kept and shown.")]


@app.callback(invoke_without_command=True)
def tasks_open(
    context: typer.Context,
    *,
    everything: Everything = False,
    customer: Whose = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List what journeys ask people, the most urgent first; show one, answer one."""
    if context.invoked_subcommand is None:
        run(_list(Here.compose(), customer, limit, everything=everything, as_json=as_json))


@app.command("list")
def list_tasks(
    *,
    everything: Everything = False,
    customer: Whose = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List open tasks, the most urgent first; with --all the newest first."""
    run(_list(Here.compose(), customer, limit, everything=everything, as_json=as_json))


@app.command()
def show(number: Number, *, as_json: AsJson = False) -> None:
    """Show a task: the question, its answers, and its outcome."""
    run(_show(Here.compose(), number, as_json=as_json))


@app.command()
def answer(
    number: Number,
    name: Annotated[str, typer.Argument(metavar="ANSWER", help="As `show` lists them.")],
    by: Who,
) -> None:
    """Answer a task. Only the first answer counts; a later one is told who was first."""
    here = Here.compose()
    check_name(by, here.project)
    run(_answer(here, number, name, by))


@app.command()
def tell(number: Number) -> None:
    """Have the workers tell the helpdesk of a task again."""
    run(_tell(Here.compose(), number))


async def _list(
    here: Here, customer: str | None, limit: int, *, everything: bool, as_json: bool
) -> None:
    async with here.store() as store, store.reading() as session:
        if customer is not None:
            customer = await people.resolve(session, customer)
        rows = await tasks.listed(session, customer_id=customer, everything=everything, limit=limit)
        untold = await tasks.untold(session, limit=limit)
    found = [task_of(row, here.settings) for row in rows]
    if as_json:
        show_json([one.model_dump() for one in found])
        return
    if found:
        show_list(
            ["id", "until", "customer", "journey", "question", "answers or end"],
            [(t.id, t.until, t.customer_id, t.journey, t.text, _said(t)) for t in found],
        )
    else:
        show_line("no tasks" if everything else "no open tasks")
    for row in untold:
        again = f"`sojourn tasks tell {row.id}` tries again"
        show_line(f"the helpdesk was not told of task {row.id} in {row.tries} tries: {again}")


async def _show(here: Here, number: int, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        task = task_of(await _found(session, number), here.settings)
    if as_json:
        show_json(task.model_dump())
        return
    show_line(task.text, style="bold")
    show_line(f"  customer {task.customer_id}")
    show_line(f"  run      {task.run}")
    show_line(f"  opened   {task.opened_at:%Y-%m-%d %H:%M} UTC")
    show_line(f"  until    {task.until:%Y-%m-%d %H:%M} UTC")
    show_line(f"  state    {task.standing()}")
    show_line(f"  page     {task.url}")
    if task.helpdesk is not None:
        show_line(f"  helpdesk {task.told()}")
    if task.state is TaskState.OPEN:
        for name, words in task.answers.items():
            show_line(f"  sojourn tasks answer {number} {name} --by YOU    {words}")


async def _answer(here: Here, number: int, name: str, by: str) -> None:
    from sojourn.dispatch import tasks as answering  # noqa: PLC0415 (Temporal is slow to load)

    async with here.store() as store:
        async with store.reading() as session:
            await _found(session, number)
        row, event = await answering.answer(store, number, name, by=by, at=datetime.now(UTC))
    task = task_of(row)
    if event is None:
        raise SojournError(f"task {number} is over: {task.standing()}")
    try:
        async with here.sojourn() as sojourn:
            await sojourn.route(event.customer_id)
    except TemporalUnavailable as error:
        show_line(f"task {number} is answered; its run is told once Temporal is back ({error})")
    else:
        show_line(f"task {number} is answered: {task.words}")


async def _tell(here: Here, number: int) -> None:
    async with here.store() as store, store.transaction() as session:
        await tasks.tell_again(session, await _found(session, number))
    show_line(f"the helpdesk is told of task {number} by the workers")


async def _found(session: AsyncSession, number: int) -> TaskRow:
    try:
        return await tasks.required(session, number)
    except UnknownName:
        raise UnknownName("task", str(number), hint="`sojourn tasks --all` lists them") from None


def _said(task: Task) -> str:
    return ", ".join(task.answers) if task.state is TaskState.OPEN else task.standing()
