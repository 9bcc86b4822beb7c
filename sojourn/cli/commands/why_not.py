"""``sojourn why-not``: why a customer did not get a journey, or one message of it."""

from typing import Annotated

import typer

from sojourn.cli.commands.explain import show_timeline
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line
from sojourn.cli.running import run
from sojourn.domain.errors import TemporalUnavailable
from sojourn.insight.why_not import WhyNot, why_not

app = typer.Typer(add_completion=False)


@app.command("why-not")
def ask(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Any id of the customer.")],
    journey: Annotated[
        str, typer.Argument(metavar="JOURNEY[/MESSAGE]", help="abandoned-cart/reminder")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Say in one line why a customer did not get a journey or a message, with evidence."""
    run(_ask(Here.compose(), customer, journey, as_json=as_json))


async def _ask(here: Here, customer: str, name: str, *, as_json: bool) -> None:
    journey, _, step = name.partition("/")
    async with here.store() as store:
        try:
            client = await here.temporal()
        except TemporalUnavailable as error:  # the store knows most of it
            answer = await why_not(
                store, here.settings, here.project, error, customer, journey=journey, step=step
            )
        else:
            answer = await why_not(
                store, here.settings, here.project, client, customer, journey=journey, step=step
            )
    if as_json:
        show_json(answer.model_dump())
    else:
        _show(answer)


def _show(answer: WhyNot) -> None:
    show_line(f"{answer.verdict}", style="bold")
    if answer.instead and answer.instead not in answer.verdict:
        show_line(f"  what would have changed it: {answer.instead}")
    if answer.ahead:
        show_line(f"  as things stand: {answer.ahead}")
    if answer.temporal:
        show_line(f"  as far as the store knows: {answer.temporal}", style="red")
    show_line(
        f"\nWhat happened in {answer.journey}, by the customer's clock ({answer.timezone})",
        style="bold",
    )
    show_timeline(answer.evidence, answer.timezone, everything=True)
