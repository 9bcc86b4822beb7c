"""``sojourn campaign``: list, show, check, test, approve, launch, watch, pause, resume, stop."""

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from sojourn.cli import schedules
from sojourn.cli.by_hand import ANYBODY, check_name, check_words
from sojourn.cli.campaign_approving import approve_it, ask, has_approval
from sojourn.cli.campaign_checking import Everybody, Sample, show_check
from sojourn.cli.campaign_variants import results_of, show_variants
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson, By, Limit, Why
from sojourn.cli.output import show_json, show_line, show_list, stderr
from sojourn.cli.running import run
from sojourn.domain.campaign import Campaign
from sojourn.domain.campaign_run import CampaignAct, CampaignCounts
from sojourn.insight.ramps import waits_of
from sojourn.store import Store, campaigns, surveys

if TYPE_CHECKING:
    from sojourn.dispatch import Sojourn

app = typer.Typer(
    help="Check and test campaigns, launch and watch them, pause, resume and stop them.",
    no_args_is_help=True,
    add_completion=False,
)
LOOK_EVERY = 0.5
"""Seconds between two looks at the numbers."""

Name = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="As the project names it.")]
Id = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="Its name, with @ and the occasion if it has one.")
]
Occasion = Annotated[
    str, typer.Option("--occasion", help="Tells launches apart: the same again is one campaign.")
]
Approve = Annotated[
    str | None,
    typer.Option("--approve", metavar="DIGEST", help="What `campaign check` showed. Else asked."),
]


@app.command("list")
def list_them(*, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the project's campaigns, and those that were launched, newest first."""
    run(_list(Here.compose(), limit, as_json=as_json))


@app.command()
def show(campaign: Id, *, as_json: AsJson = False) -> None:
    """Show the numbers of a campaign that was launched, and who did what to it."""
    run(_show(Here.compose(), campaign, as_json=as_json))


@app.command()
def check(
    campaign: Name,
    *,
    sample: Sample = 1_000,
    everybody: Everybody = False,
    ahead: Annotated[
        bool,
        typer.Option(
            "--ahead", help="Lead open runs on to the launch: how many messages meet caps by then?"
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a campaign would come to if it were launched now; store and send nothing.

    It counts the audience, renders the words in each language, asks the gate about a sample, and
    forecasts the hours and the cost of text messages. It exits with 1 if the words of a language
    cannot be rendered.
    """
    here = Here.compose()
    one = here.project.campaigns.named(campaign)
    of = None if everybody else sample
    run(show_check(here, one, of, ahead=ahead, as_json=as_json))


@app.command("test")
def send_test(
    campaign: Name,
    *,
    to: Annotated[
        list[str],
        typer.Option("--to", help="An e-mail address, a number or push:TOKEN; may be repeated."),
    ],
    customer: Annotated[
        str, typer.Option("--as", metavar="CUSTOMER", help="Address it to this customer.")
    ] = "",
    lang: Annotated[
        str, typer.Option("--lang", help="In this language; else the customer's.")
    ] = "",
    variant: Annotated[
        str, typer.Option("--variant", metavar="NAME", help="In this variant; else in each.")
    ] = "",
    by: By = ANYBODY,
    as_json: AsJson = False,
) -> None:
    """Send the message itself to addresses of yours, marked as a test.

    It goes through the provider. The ledger keeps nothing about it, its code is made up, and its
    links change nothing for anybody.
    """
    # the renderer and the providers are slow to load, and other commands do not need them
    from sojourn.cli.campaign_testing import send_tests  # noqa: PLC0415

    here = Here.compose()
    check_name(by, here.project)
    one = here.project.campaigns.named(campaign)
    run(
        send_tests(
            here,
            one,
            to,
            customer_id=customer,
            lang=lang,
            variant=variant,
            by=by,
            as_json=as_json,
        )
    )


@app.command()
def approve(
    campaign: Name,
    *,
    by: Annotated[str, typer.Option("--by", help="Who approves: a name.")],
    digest: Annotated[
        str, typer.Option("--digest", help="What `campaign check` showed: refuse another.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Approve a campaign as it is now; any change of it voids the approval."""
    here = Here.compose()
    check_name(by, here.project)
    run(approve_it(here, here.project.campaigns.named(campaign), by, digest, as_json=as_json))


@app.command()
def launch(
    campaign: Name,
    *,
    approve: Approve = None,
    occasion: Occasion = "",
    by: By = ANYBODY,
    as_json: AsJson = False,
) -> None:
    """Launch a campaign, once: launched again it goes on, and nobody gets it twice.

    It asks for your approval, unless somebody has approved the campaign as it is. An approval is
    bound to what `sojourn campaign check` showed: the audience, the words, the times, the rate.
    """
    here = Here.compose()
    check_name(by, here.project)
    run(
        _launch(
            here, here.project.campaigns.named(campaign), approve, occasion, by, as_json=as_json
        )
    )


@app.command()
def watch(campaign: Id) -> None:
    """Watch a campaign until it ends; Ctrl-C leaves it alone, and you can watch it again."""
    run(_watch(Here.compose(), campaign))


@app.command()
def pause(campaign: Id, *, why: Why, by: By = ANYBODY, as_json: AsJson = False) -> None:
    """Claim nothing more until the campaign is resumed; the answer has the numbers."""
    run(_act(Here.compose(), campaign, CampaignAct.PAUSE, why, by, as_json=as_json))


@app.command()
def resume(campaign: Id, *, why: Why, by: By = ANYBODY, as_json: AsJson = False) -> None:
    """Go on with a campaign that was paused."""
    run(_act(Here.compose(), campaign, CampaignAct.RESUME, why, by, as_json=as_json))


@app.command()
def stop(campaign: Id, *, why: Why, by: By = ANYBODY, as_json: AsJson = False) -> None:
    """Claim nothing more, ever. The answer has the numbers: sent, not sent, in doubt."""
    run(_act(Here.compose(), campaign, CampaignAct.STOP, why, by, as_json=as_json))


@app.command()
def schedule(
    campaign: Name, *, approve: Approve = None, by: By = ANYBODY, as_json: AsJson = False
) -> None:
    """Have each occurrence of a campaign that recurs launched, as you approve of it now.

    If anything about an occurrence has changed since, it is not sent, and `sojourn campaign list`
    says so: schedule it again.
    """
    here = Here.compose()
    check_name(by, here.project)
    chosen = here.project.campaigns.named(campaign)
    run(schedules.schedule(here, chosen, approve, by, as_json=as_json))


@app.command()
def unschedule(campaign: Name, *, why: Why, by: By = ANYBODY) -> None:
    """Launch no occurrence any more. What is launched already goes on: stop it by its own name."""
    run(schedules.unschedule(Here.compose(), campaign, why, by))


async def _list(here: Here, limit: int, *, as_json: bool) -> None:
    known = here.project.campaigns
    found = await schedules.found(here)
    async with here.store() as store, store.reading() as session:
        rows = await campaigns.every(session, limit=limit)
        counted = [await campaigns.counts(session, row.id) for row in rows]
    if as_json:
        show_json(
            {
                "campaigns": [
                    {**_told(one), **schedules.told(found.get(one.name))} for one in known.values()
                ],
                "launched": [
                    {**counts.model_dump(), "launched_at": row.launched_at, "by": row.launched_by}
                    for row, counts in zip(rows, counted, strict=True)
                ],
            }
        )
        return
    if not known and not rows:
        show_line("no campaign: a project has its campaigns in starter/campaigns/")
        return
    if known:
        show_list(
            ("campaign", "to", "when", "about"),
            ((one.name, one.to.name, one.when, one.about) for one in known.values()),
        )
    schedules.show(found)
    if rows:
        show_line("")
        show_list(
            ("launched", "state", "at (UTC)", "by", "of", "sent", "not", "in doubt", "waiting"),
            (
                (
                    row.id, one.state, row.launched_at, row.launched_by, one.size, one.sent,
                    one.skipped + one.rejected, one.unknown, one.waiting + one.held,
                )
                for row, one in zip(rows, counted, strict=True)
            ),
        )  # fmt: skip


def _told(one: Campaign) -> dict[str, Any]:
    return {"name": one.name, "to": one.to.name, "when": str(one.when), "about": one.about}


async def _show(here: Here, campaign_id: str, *, as_json: bool) -> None:
    async with here.store() as store, store.reading() as session:
        words = await campaigns.words(session, campaign_id)
        if words and await campaigns.find(session, campaign_id) is None:
            schedules.show_words(campaign_id, words, as_json=as_json)
            return
        counts = await campaigns.counts(session, campaign_id)
        reasons = await campaigns.reasons(session, campaign_id)
        results = await results_of(session, counts)
        answered = await surveys.numbers(session, campaign_id)
        waits = await waits_of(session, here.settings, here.project, campaign_id)
    if as_json:
        done = [word.model_dump(exclude={"id", "campaign"}) for word in words]
        answers = {**asdict(answered), "answers": answered.answers, "net": answered.net}
        told = {"waits": waits, "reasons": reasons, "done": done, "survey": answers}
        show_json({**counts.model_dump(), **told})
        return
    show_line(f"{campaign_id} {counts}", style="bold")
    if counts.because:
        show_line(f"because {counts.because}")
    if waits:
        show_line(waits)
    show_line(f"of {counts.size:,} in its audience, {counts.waiting + counts.held:,} wait")
    if counts.doubtful:
        show_line(f"{counts.doubtful:,} more come in once it is proved that they had the first one")
    if counts.ab is not None:
        show_variants(counts.ab, results)
    if answered.answers:
        show_line(str(answered))
    if reasons:
        show_line("")
        show_list(("not sent because", "customers"), reasons.items())
    show_line("")
    schedules.list_words(words)


async def _launch(
    here: Here, campaign: Campaign, approve: str | None, occasion: str, by: str, *, as_json: bool
) -> None:
    # the workflow's module loads Temporal's client, which the other commands do not need
    from sojourn.campaigns import launching  # noqa: PLC0415

    async with here.sojourn() as sojourn:
        digest = launching.digest_of(sojourn, campaign)
        approved = approve
        if approved is None:
            is_approved = await has_approval(sojourn.store, campaign, digest)
            approved = digest if is_approved else ask(campaign, digest, "launch")
        counts, new = await launching.launch(
            sojourn, campaign, by=by, approved=approved, occasion=occasion
        )
    if as_json:
        show_json({**counts.model_dump(), "new": new, "digest": digest})
    elif new:
        show_line(f"{counts.campaign} is launched: sojourn campaign watch {counts.campaign}")
    else:
        show_line(f"{counts.campaign} was launched before; {counts}")


async def _watch(here: Here, campaign_id: str) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),
    )
    async with here.store() as store:
        counts = await _counts(store, campaign_id)
        waits = ""
        with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as bar:
            task = bar.add_task(campaign_id, total=counts.size or None, told="")
            while not counts.state.is_over:
                counts = await _counts(store, campaign_id)
                async with store.reading() as session:
                    waits = await waits_of(session, here.settings, here.project, campaign_id)
                done = counts.size - counts.waiting - counts.held
                bar.update(
                    task, total=counts.size or None, completed=done, told=waits or str(counts)
                )
                await asyncio.sleep(LOOK_EVERY)
    show_line(f"{campaign_id} {counts}")
    if counts.because:
        show_line(f"because {counts.because}")
    if counts.ab is not None:
        show_line(f"A/B: {counts.ab}")


async def _counts(store: Store, campaign_id: str) -> CampaignCounts:
    async with store.reading() as session:
        return await campaigns.counts(session, campaign_id)


async def _act(
    here: Here, campaign_id: str, act: CampaignAct, why: str, by: str, *, as_json: bool
) -> None:
    from sojourn.campaigns import launching  # noqa: PLC0415 (see `_launch`)

    check_words(why, by, here.project)
    sojourn: Sojourn
    async with here.sojourn(lazy=True) as sojourn:
        counts = await launching.act(sojourn, campaign_id, act, by=by, because=why)
    if as_json:
        show_json(counts.model_dump())
    else:
        show_line(f"{campaign_id} {counts}")
