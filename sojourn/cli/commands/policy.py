"""``sojourn policy``: which rules hold for a customer or a country, and what they hold now."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from sojourn.cli.here import Here
from sojourn.cli.moments import local_moment
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.calendar import zone
from sojourn.domain.countries import countries, home_country
from sojourn.domain.customer import Customer, home_zone, one_time_countries
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel
from sojourn.domain.opening import Opening, held
from sojourn.domain.rules import Rules
from sojourn.journeys.wording import clock, span
from sojourn.policies import Policy
from sojourn.store import cards, people

app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Place:
    """The place and the moment at which somebody would get a message.

    Args:
        country: ISO 3166; empty: unknown.
        region: of the country; empty: unknown.
        timezone: an IANA name.
        now: the moment.
    """

    country: str
    region: str
    timezone: str
    now: datetime


@app.command()
def policy(
    customer: Annotated[str, typer.Argument(help="Take country and zone from this card.")] = "",
    *,
    country: Annotated[str, typer.Option(help="ISO 3166, as IT; left out: unknown.")] = "",
    region: Annotated[str, typer.Option(help="Of the country, for its holidays: BY.")] = "",
    timezone: Annotated[
        str, typer.Option("--zone", help="As Europe/Rome; left out: the country's.")
    ] = "",
    at: Annotated[
        str, typer.Option(help="As 2027-03-01T08:00, by the clock there; left out: now.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Show by channel if a promotional message may leave now, and the rules for that.

    The rules are those of policy.toml, for a customer or for a country.
    """
    if country and country.upper() not in countries():
        raise BadInput(f'no country "{country}": write two letters, as in DE or IT (ISO 3166)')
    asked = {"country": country.upper(), "region": region.upper(), "timezone": timezone}
    run(_policy(Here.compose(), customer, asked, at, as_json=as_json))


async def _policy(
    here: Here, customer: str, asked: dict[str, str], at: str, *, as_json: bool
) -> None:
    rules = Policy(here.project.policy, here.settings.quiet_hours)()
    card = await _card(here, customer) if customer else Customer("")
    home = home_country(card)
    country = asked["country"] or home[0]
    default = one_time_countries().get(country, here.settings.timezone)
    timezone = asked["timezone"] or home_zone(card, default)
    now = local_moment(at, timezone, "--at") if at else datetime.now(UTC)
    place = Place(country, asked["region"] or home[1], timezone, now)
    rows = [_row(rules, channel, place) for channel in Channel]
    if as_json:
        show_json(
            {
                "at": place.now,
                "zone": place.timezone,
                "country": place.country or None,
                "region": place.region or None,
                "spread_seconds": int(rules.spread.total_seconds()),
                "channels": rows,
            }
        )
        return
    where = f"country {place.country or 'unknown'}{f', {place.region}' if place.region else ''}"
    show_line(f"{clock(place.now, timezone)} ({timezone}), {where}")
    show_list(
        ["channel", "a promotional message", "rules"],
        [(row["channel"], _fate(row, timezone), "; ".join(row["rules"]) or "none") for row in rows],
    )
    if rules.spread > timedelta(0):
        show_line(f"held messages leave spread over {span(rules.spread)} after their hold")


async def _card(here: Here, customer: str) -> Customer:
    async with here.store() as store, store.reading() as session:
        card = await cards.find(session, await people.resolve(session, customer))
    if card is None:
        raise BadInput(f'no customer has the id "{customer}"')
    return card


def _row(rules: Rules, channel: Channel, place: Place) -> dict[str, Any]:
    holders = rules.holders(channel, place.country, place.region)
    found = held(holders, place.now, zone(place.timezone))
    return {
        "channel": channel,
        "may_leave": found is None,
        "held_until": found.at if isinstance(found, Opening) else None,
        "held_by": list(found.because) if found else [],
        "rules": [str(holder) for holder in holders],
    }


def _fate(row: dict[str, Any], timezone: str) -> str:
    if row["may_leave"]:
        return "may leave"
    if row["held_until"] is None:
        return "is held for more than a year"
    return f"is held until {clock(row['held_until'], timezone)}"
