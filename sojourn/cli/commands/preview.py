"""``sojourn preview``: what a journey would say to a customer, when, and why not."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from sojourn.cli.here import Here
from sojourn.cli.moments import local_moment
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line
from sojourn.cli.running import run
from sojourn.domain.customer import home_zone
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Status
from sojourn.insight import preview as previews
from sojourn.insight.letters import Letter, write_page
from sojourn.insight.preview import Preview, Said
from sojourn.store import cards

app = typer.Typer(add_completion=False)


@app.command()
def preview(
    journey: Annotated[str, typer.Argument(metavar="JOURNEY", help="Its name.")],
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Any id of the customer.")],
    *,
    at: Annotated[
        str, typer.Option(help="As 2027-03-01T08:00, by the customer's clock; left out: now.")
    ] = "",
    message: Annotated[str, typer.Option("--message", help="Only this message.")] = "",
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the first message as a page."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a journey would say to a customer, when, and why not; send nothing.

    Nothing is stored either. It previews the open run, or else the one that an event would start.
    """
    run(_preview(Here.compose(), journey, customer, at, message, html=html, as_json=as_json))


async def _preview(
    here: Here,
    journey: str,
    customer: str,
    at: str,
    message: str,
    *,
    html: Path | None,
    as_json: bool,
) -> None:
    async with here.store() as store:
        moment: datetime | None = None
        if at:
            async with store.reading() as session:
                card = await cards.find(session, customer)
            zone = home_zone(card, here.settings.timezone) if card else here.settings.timezone
            moment = local_moment(at, zone, "--at")
        found = await previews.preview(
            store, here.settings, here.project, customer, journey, at=moment, step=message
        )
    if html is not None:
        show_line(str(write_page(_letter(found), html)))
    elif as_json:
        show_json(found.model_dump())
    else:
        _show(found)


def _letter(found: Preview) -> Letter:
    """Return the first message that would leave, as a letter.

    Raises:
        BadInput: no message would leave.
    """
    said = next((one for one in found.messages if one.content is not None), None)
    if said is None:
        raise BadInput(f"there is no page: {found.verdict}")
    assert said.channel is not None, "what has a text has a channel"
    return Letter(
        id=0,
        at=said.at,
        customer_id=found.customer_id,
        address=said.address,
        journey=found.journey,
        workflow_id=found.run,
        step=said.step,
        channel=said.channel,
        provider=None,
        provider_id=None,
        possible_duplicate=False,
        content=said.content or {},
    )


def _show(found: Preview) -> None:
    show_line(f"{found.journey} to {found.customer_id}: {found.verdict}", style="bold")
    for said in found.messages:
        _show_message(said)
    if found.outcome is not None:
        show_line(f"\nthe run would end as {found.outcome}")
    show_line(f"\nAssumptions, by the customer's clock ({found.timezone})", style="bold")
    for assumed in found.assumptions:
        show_line(f"  {assumed}")


def _show_message(said: Said) -> None:
    name = f"{said.step} (message {said.number})" if said.number else said.step
    show_line(f"\n{name}", style="bold")
    for held in said.holds:
        show_line(f"  {held.text}", style="yellow")
    style = "green" if said.status is Status.SENT else "yellow"
    to = f" to {said.address}" if said.address else ""
    show_line(f"  {said.text}{to}", style=style)
    if said.detail:
        show_line(f"  {said.detail}")
    content = said.content or {}
    for part in ("subject", "title", "approved"):
        if content.get(part):
            show_line(f"  {part:<9} {content[part]}")
    for line in str(content.get("text") or content.get("body") or "").splitlines():
        show_line(f"  | {line}")
