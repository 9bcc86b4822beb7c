"""``sojourn policy``: the rules and caps for a customer or a country, and their effect."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any

import typer

from sojourn.cli.here import Here
from sojourn.cli.moments import local_moment
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line, show_list
from sojourn.cli.running import run
from sojourn.domain.calendar import DAY, local_day, moment, zone
from sojourn.domain.caps import Distance, Full, Limit, Slot
from sojourn.domain.countries import countries, home_country
from sojourn.domain.customer import Customer, home_zone, one_time_countries
from sojourn.domain.errors import BadInput
from sojourn.domain.limits import AtCap
from sojourn.domain.messages import Channel
from sojourn.domain.opening import Opening, held
from sojourn.domain.room import LATE
from sojourn.domain.rules import Rules
from sojourn.journeys.wording import clock, span
from sojourn.policies import Policy
from sojourn.store import cards, people, slots

app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Place:
    """The place and the moment at which somebody would get a message.

    Args:
        country: its ISO 3166 code; empty if unknown.
        region: the region of the country; empty if unknown.
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
    on = here.settings.caps == "policy"
    rules = Policy(here.project.policy, here.settings.quiet_hours, caps=on)()
    card = await _card(here, customer) if customer else Customer("")
    home = home_country(card)
    country = asked["country"] or home[0]
    default = one_time_countries().get(country, here.settings.timezone)
    timezone = asked["timezone"] or home_zone(card, default)
    now = local_moment(at, timezone, "--at") if at else datetime.now(UTC)
    place = Place(country, asked["region"] or home[1], timezone, now)
    rows = [_row(rules, channel, place) for channel in Channel]
    used = await _slots(here, card, rules, place) if customer else []
    caps = [_cap(limit, used, place) for limit in rules.caps.limits]
    distances = [_distance(one) for one in rules.caps.distances]
    if as_json:
        show_json(
            {
                "at": place.now,
                "zone": place.timezone,
                "country": place.country or None,
                "region": place.region or None,
                "spread_seconds": int(rules.spread.total_seconds()),
                "channels": rows,
                "caps_hold": on,
                "caps": caps,
                "distances": distances,
                "at_cap": rules.caps.at_cap,
                "precedence": list(rules.precedence.order),
            }
        )
        return
    where = f"country {place.country or 'unknown'}{f', {place.region}' if place.region else ''}"
    show_line(f"{clock(place.now, timezone)} ({timezone}), {where}")
    show_list(
        ["channel", "a promotional message", "rules"],
        [(row["channel"], _fate(row, timezone), "; ".join(row["rules"]) or "none") for row in rows],
    )
    _show_caps(caps, distances, rules, on=on)
    if rules.spread > timedelta(0):
        show_line(f"held messages leave spread over {span(rules.spread)} after their hold")


async def _card(here: Here, customer: str) -> Customer:
    async with here.store() as store, store.reading() as session:
        card = await cards.find(session, await people.resolve(session, customer))
    if card is None:
        raise BadInput(f'no customer has the id "{customer}"')
    return card


async def _slots(here: Here, card: Customer, rules: Rules, place: Place) -> list[Slot]:
    """Read the customer's messages that caps count."""
    longest = max((limit.days for limit in rules.caps.limits), default=0)
    if not longest:
        return []
    first = local_day(place.now, zone(place.timezone)) - (longest - 1) * DAY
    async with here.store() as store, store.reading() as session:
        return await slots.of_customer(
            session,
            card.customer_id,
            besides="",
            since=moment(first, time(), zone(place.timezone)),
            held_since=place.now - LATE,
        )


def _cap(limit: Limit, used: list[Slot], place: Place) -> dict[str, Any]:
    """Describe a cap, and the messages that use it up on the local day."""
    tz = zone(place.timezone)
    mine = tuple(slot for slot in used if limit.counts(slot))
    full = Full(limit, mine, tz).using(place.now.astimezone(tz))
    return {
        "cap": str(limit),
        "number": limit.number,
        "days": limit.days,
        "channel": limit.channel,
        "counted": [slot.name for slot in mine],
        "full": bool(full),
    }


def _distance(one: Distance) -> str:
    by = f" by {one.channel}" if one.channel else ""
    return f"{one.written} at least between two promotional messages{by}"


def _show_caps(caps: list[dict[str, Any]], distances: list[str], rules: Rules, *, on: bool) -> None:
    for cap in caps:
        counted = f": {len(cap['counted'])} ({', '.join(cap['counted'])})" if cap["counted"] else ""
        full = ", no room" if cap["full"] else ""
        show_line(f"{cap['cap']}{counted}{full}")
    for distance in distances:
        show_line(distance)
    if caps or distances:
        ways = {AtCap.WAIT: "waits for it", AtCap.GIVE_WAY: "gives way: it is skipped"}
        show_line(
            f"a message that finds no room {ways[rules.caps.at_cap]}, unless it says otherwise"
        )
    if rules.precedence.order:
        show_line(f"{', '.join(rules.precedence.order)} go before all others, in this order")
    if not on:
        show_line("SOJOURN_CAPS=off: the caps of the file do not hold here")


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
