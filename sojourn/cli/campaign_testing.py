"""``sojourn campaign test``: the real message to the operator's own address."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from sojourn.campaigns.approving import digest_in
from sojourn.campaigns.articles import look
from sojourn.cli.here import Here
from sojourn.cli.output import show_json, show_line
from sojourn.domain.campaign import Campaign
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.content import Content
from sojourn.domain.customer import Customer, home_zone
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.places import Place, place_of
from sojourn.home import private_folder
from sojourn.insight.card import masked
from sojourn.insight.letters import Letter, folder, unknown_customer, write_page
from sojourn.sending.copies import Copies, Purpose
from sojourn.sending.specimens import renderer_of
from sojourn.store import Store, campaigns, cards

NOBODY = Customer("nobody", known=True)
KEEPS_NOTHING = "outbox"


async def send_tests(
    here: Here,
    campaign: Campaign,
    to: list[str],
    *,
    customer_id: str,
    lang: str,
    variant: str,
    by: str,
    as_json: bool,
) -> None:
    """Send a campaign's message to these addresses, marked as a test, and print what was sent.

    Args:
        here: the project and the settings.
        campaign: a campaign of the project.
        to: the addresses.
        customer_id: the customer that the message addresses; empty: an unknown one.
        lang: the language; empty: the customer's.
        variant: the variant; empty: each of them.
        by: who tests.
        as_json: print JSON.

    Raises:
        UnknownName: there is no such customer, or no such variant.
        BadInput: an address is invalid, or this installation may not write to it.
        FeedFault: its feed cannot be read.
    """
    now = datetime.now(UTC)
    plan = CampaignPlan.of(campaign, campaign.name, now, occasion=campaign.next_occasion(now))
    if plan.feed is not None:
        # with present articles, sent before or not: a test without articles would show nothing
        looked = await look(plan.feed, {}, now)
        plan = plan.telling_of(looked.fresh or looked.newest)
    places = [place_of(one, plan.channels) for one in to]
    chosen = _chosen(campaign, plan, variant)
    async with here.store() as store:
        customer = await _addressed(store, customer_id)
        if lang:
            customer = replace(customer, locale=lang)
        carriers = here.project.carriers.chosen(
            here.settings, tuple(dict.fromkeys(one.channel for one in places))
        )
        copies = Copies(
            renderer_of(here.project, here.settings),
            carriers,
            here.project.coupons,
            only_to=here.settings.only_to,
            shop_url=here.settings.shop_url,
            hosts=here.settings.link_hosts,
        )
        sent: list[dict[str, str]] = []
        try:
            for number, (place, words) in enumerate(product(places, chosen), 1):
                delivery = plan.delivery(
                    customer.customer_id,
                    due=now,
                    now=now,
                    lane=place.channel,
                    start=(now, 0),
                    variant=words,
                )
                said = await copies.send(
                    delivery,
                    customer,
                    place,
                    Purpose.TEST,
                    timezone=home_zone(customer, here.settings.timezone),
                    now=now,
                )
                provider = carriers[place.channel].name
                told = {
                    "to": masked(place.address),
                    "channel": place.channel.value,
                    "provider": provider,
                    "language": said.locale,
                    **({"variant": words} if words else {}),
                }
                shown = f"{said.locale}, variant {words}" if words else said.locale
                if provider == KEEPS_NOTHING:
                    file = folder(here.settings) / f"test-{campaign.name}-{number}.html"
                    told["page"] = str(_written(campaign, place, said, file, now))
                sent.append(told)
                async with store.transaction() as session:
                    campaigns.note(
                        session,
                        campaign.name,
                        "test",
                        by=by,
                        because=f"to {told['to']} in {shown}",
                        digest=digest_in(here.project, campaign),
                    )
        finally:
            for carrier in set(carriers.values()):
                await carrier.close()
    if as_json:
        show_json({"sent": sent})
        return
    for one in sent:
        words = f", variant {one['variant']}" if "variant" in one else ""
        show_line(
            f"sent to {one['to']} by {one['channel']} ({one['provider']}), in {one['language']}"
            + words
        )
        if "page" in one:
            show_line(f"the outbox sends nothing to anybody: {one['page']} shows it")


def _chosen(campaign: Campaign, plan: CampaignPlan, variant: str) -> tuple[str, ...]:
    """Return the variants to send.

    Raises:
        BadInput: the campaign has no variants.
        UnknownName: there is no such variant.
    """
    if not variant:
        return plan.variants
    if plan.ab is None:
        raise BadInput(f"{campaign.name} has no variants: leave --variant out")
    if variant not in plan.variants:
        raise UnknownName(f"variant of {campaign.name}", variant, plan.variants)
    return (variant,)


async def _addressed(store: Store, customer_id: str) -> Customer:
    if not customer_id:
        return NOBODY
    async with store.reading() as session:
        found = await cards.find(session, customer_id)
    if found is None:
        raise unknown_customer(customer_id)
    return found


def _written(campaign: Campaign, place: Place, said: Content, file: Path, now: datetime) -> Path:
    """Write a test message as a page, since the outbox does not keep tests."""
    letter = Letter(
        id=0,
        at=now,
        customer_id="",
        address=place.address,
        journey=campaign.name,
        workflow_id="",
        step=campaign.step,
        channel=place.channel,
        provider=KEEPS_NOTHING,
        provider_id=None,
        possible_duplicate=False,
        content=said.filled(),
    )
    private_folder(file.parent)
    return write_page(letter, file)
