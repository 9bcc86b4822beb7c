"""``sojourn campaign check``: a campaign before its launch."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sojourn.cli.here import Here
from sojourn.cli.options import MOST
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.domain.campaign import Campaign
from sojourn.domain.errors import SojournError, TemplateError
from sojourn.domain.reasons import explain

if TYPE_CHECKING:
    from sojourn.insight.campaign_check import Check

MOST_HOURS = 48
"""The most hours that are listed; --json has all."""


Sample = Annotated[
    int, typer.Option("--sample", min=1, max=MOST, help="Customers to ask the gate about.")
]
Everybody = Annotated[
    bool, typer.Option("--all", help="Ask the gate about everybody in the audience.")
]


async def show_check(
    here: Here, campaign: Campaign, sample: int | None, *, ahead: bool = False, as_json: bool
) -> None:
    """Check a campaign, and print the findings.

    Args:
        here: the project and the settings.
        campaign: a campaign of the project.
        sample: the number of customers to ask the gate about; None: all.
        ahead: lead the open runs on to the launch.
        as_json: print JSON.

    Raises:
        TemplateError: the words of a language cannot be rendered.
        SojournError: its feed cannot be read.
    """
    # the renderer and the gate are slow to load, and other commands do not need them
    from sojourn.cli.leading import snapshot_of  # noqa: PLC0415
    from sojourn.insight import campaign_check  # noqa: PLC0415

    snapshot = await snapshot_of(here) if ahead else None
    async with here.store() as store:
        found = await campaign_check.check(
            store,
            here.settings,
            here.project,
            campaign,
            datetime.now(UTC),
            sample=sample,
            snapshot=snapshot,
        )
    if as_json:
        show_json(found.model_dump())
    else:
        _show(found)
    if found.feed_fault:
        raise SojournError(f"{found.campaign}: {found.feed_fault}")
    if found.fails:
        bad = ", ".join(dict.fromkeys(one.language for one in found.words if one.faults))
        raise TemplateError(
            f"{found.campaign} cannot be rendered in {bad}: mend it before a launch"
        )


def _show(found: "Check") -> None:
    _show_audience(found)
    show_line("")
    show_list(("customers", "what would become of their message"), _fates(found))
    show_line("")
    _show_words(found)
    if found.articles:
        show_line("")
        show_list(
            ("article", "published (UTC)", "feed"),
            ((one.title, one.published_at or "", one.language) for one in found.articles),
        )
    if found.hours:
        _show_hours(found)
    if found.costs:
        show_line("")
        show_list(
            ("numbers", "messages", "segments", "price"),
            (
                (
                    one.prefix,
                    f"{one.messages:,}",
                    f"{one.segments:,}",
                    "no price" if one.amount is None else f"{one.amount:,.2f} {one.currency}",
                )
                for one in found.costs
            ),
        )
    if found.ahead is not None:
        show_line("")
        show_line(
            f"{found.ahead.asked:,} of these customers have open runs; by the launch a cap would "
            f"hold {found.ahead.held:,} of their messages, and keep {found.ahead.skipped:,} from "
            "leaving"
        )
    show_line("")
    for warning in found.warnings:
        show_line(warning, style="yellow")
    show_line(f"to approve: {found.digest}")
    if not found.fails:
        show_line(found.launch)


def _show_audience(found: "Check") -> None:
    show_line(f"{found.campaign}: to {found.audience}, {found.when}", style="bold")
    asked = "asked about all of them"
    if found.looked < found.size:
        asked = f"asked about {found.looked:,} of them, drawn by lot: the numbers are estimates"
    show_line(f"{found.size:,} customers in {found.audience} now; {asked}")
    for one in found.follows:
        had = f"{one.sent:,} had it, {one.unknown:,} in doubt"
        show_line(f"it follows {one.campaign}, which is {one.state}: {had}")
    if found.state is not None:
        show_line(f"{found.campaign} is {found.state}: `sojourn campaign show {found.campaign}`")


def _show_hours(found: "Check") -> None:
    show_line("")
    show_list(
        ("hour (UTC)", "messages"),
        ((one.hour, f"{one.number:,}") for one in found.hours[:MOST_HOURS]),
    )
    if len(found.hours) > MOST_HOURS:
        show_line(f"and {len(found.hours) - MOST_HOURS} hours more")
    rate = "as fast as the providers take them"
    if found.rate is not None:
        rate = f"at {found.rate:g} a second"
    if found.warming is not None:
        show_line(str(found.warming))
    show_line(f"{rate}, the last one at {found.ends:%Y-%m-%d %H:%M} UTC")


def _show_words(found: "Check") -> None:
    has_variants = any(one.variant for one in found.words)
    show_list(
        (*(("variant",) if has_variants else ()), "language", "channel", "rendered", "declined",
         "fault"),
        (
            (*((one.variant,) if has_variants else ()), one.language, one.channel, one.rendered,
             one.declined or "", fault)
            for one in found.words
            for fault in ([f"{f.text} ({f.customers})" for f in one.faults] or [""])
        ),
    )  # fmt: skip


def _fates(found: "Check") -> list[tuple[str, str]]:
    lines = [(f"{number:,}", f"sent by {channel}") for channel, number in found.sent.items()]
    lines += [
        (
            f"{one.number:,}",
            f"of these held until {one.first:%Y-%m-%d %H:%M}"
            + (f" to {one.last:%Y-%m-%d %H:%M}" if one.last != one.first else "")
            + f" UTC because {explain(one.reason)} ({one.reason})",
        )
        for one in found.held
    ]
    lines += [
        (f"{number:,}", f"skipped because {explain(reason)} ({reason})")
        for reason, number in found.skipped.items()
    ]
    if found.decided:
        lines.append((f"{found.decided:,}", "decided on before"))
    return lines or [("0", "nobody is in the audience")]
