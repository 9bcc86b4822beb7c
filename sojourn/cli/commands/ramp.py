"""``sojourn ramp``: sending domains that warm up; list, show, set, off."""

from typing import Annotated

import typer

from sojourn.cli.by_hand import ANYBODY, check_words
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson, By, Limit, Why
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.errors import BadInput
from sojourn.domain.ramp_file import FILE, domain_of
from sojourn.insight import ramps as insight
from sojourn.insight.ramps import Standing
from sojourn.store import ramps

app = typer.Typer(
    help="List sending domains that warm up, show their steps, and put one on another step.",
    no_args_is_help=True,
    add_completion=False,
)
Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help=f"As {FILE} of the project has it.")]


@app.command("list")
def list_them(*, as_json: AsJson = False) -> None:
    """List the domains of the project: their step, and the used part of today's budget."""
    run(_list(Here.compose(), as_json=as_json))


@app.command()
def show(domain: Domain, *, limit: Limit = 14, as_json: AsJson = False) -> None:
    """Show a domain's step today, its last days, and why it climbed and fell."""
    run(_show(Here.compose(), domain.lower(), limit, as_json=as_json))


@app.command("set")
def put(
    domain: Domain,
    level: Annotated[int, typer.Argument(min=1, help="The step, 1 for the first.")],
    *,
    why: Why,
    by: By = ANYBODY,
    as_json: AsJson = False,
) -> None:
    """Put a domain on a step; it holds at once, and the ladder goes on from there."""
    here = Here.compose()
    check_words(why, by, here.project)
    ladder = here.project.ramps.named(domain)
    if level > ladder.top:
        raise BadInput(
            f"{domain} has {len(ladder.steps)} steps: {ladder.top} is the level above them, "
            "without a budget"
        )
    run(_put(here, domain.lower(), level, why, by, as_json=as_json))


@app.command()
def off(domain: Domain, *, why: Why, by: By = ANYBODY, as_json: AsJson = False) -> None:
    """Take a domain off its ladder: it has no budget until `set` puts it on a step again."""
    here = Here.compose()
    check_words(why, by, here.project)
    run(_put(here, domain.lower(), None, why, by, as_json=as_json))


async def _list(here: Here, *, as_json: bool) -> None:
    found: list[Standing] = []
    async with here.store() as store, store.reading() as session:
        for domain, ladder in here.project.ramps.ladders.items():
            found.append(
                await insight.standing(session, here.settings, here.project, domain, ladder)
            )
    if as_json:
        show_json([one.model_dump() for one in found])
        return
    if not found:
        show_line(f"no domain warms up: {FILE} of the project names none")
        return
    show_list(
        ("domain", "step", "of", "today", "used", "because"),
        (
            (one.domain, one.level, one.steps, _budget(one), f"{one.used:,}", one.because)
            for one in found
        ),
    )
    if not any(one.ours for one in found):
        own = domain_of(here.settings.from_email)
        show_line(f"e-mails leave from {own} here, which {FILE} does not name: it has no budget")


async def _show(here: Here, domain: str, limit: int, *, as_json: bool) -> None:
    ladder = here.project.ramps.named(domain)
    async with here.store() as store, store.reading() as session:
        one = await insight.standing(session, here.settings, here.project, domain, ladder)
        past = await insight.past(session, domain, limit=limit)
    if as_json:
        show_json(
            {
                **one.model_dump(),
                "ladder": list(ladder.steps),
                "days": [row.model_dump(exclude={"domain"}) for row in past.days],
                "words": [row.model_dump(exclude={"id", "domain"}) for row in past.words],
            }
        )
        return
    _tell(one)
    if past.days:
        show_line("")
        show_list(
            ("day", "step", "budget", "used"),
            (
                (row.day, row.level, "no limit" if row.budget is None else f"{row.budget:,}",
                 f"{row.used:,}")
                for row in past.days
            ),
        )  # fmt: skip
    if past.words:
        show_line("")
        show_list(
            ("day", "", "step", "by", "sent", "bounced", "complained", "because"),
            (
                (row.day, row.turn, row.level, row.by, f"{row.sent:,}", row.bounced,
                 row.complained, row.because)
                for row in past.words
            ),
        )  # fmt: skip


async def _put(
    here: Here, domain: str, level: int | None, why: str, by: str, *, as_json: bool
) -> None:
    ladder = here.project.ramps.named(domain)
    async with here.store() as store:
        async with store.transaction() as session:
            day = insight.day(here.settings)
            await ramps.put(session, domain, ladder, day, level, by=by, because=why)
        async with store.reading() as session:
            one = await insight.standing(session, here.settings, here.project, domain, ladder)
    if as_json:
        show_json(one.model_dump())
    else:
        _tell(one)


def _tell(one: Standing) -> None:
    if one.off:
        show_line(f"{one.domain} is off its ladder: it has no budget ({one.because})")
    elif one.budget is None:
        show_line(f"{one.domain} is above its {one.steps} steps: it has no budget any more")
    else:
        show_line(
            f"{one.domain} is on step {one.level} of {one.steps}: "
            f"{one.used:,} of today's {one.budget:,} have left ({one.because})"
        )


def _budget(one: Standing) -> str:
    return "no limit" if one.budget is None else f"{one.budget:,}"
