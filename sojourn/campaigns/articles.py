"""The articles of a newsletter: what is new in its feeds, chosen once for each occurrence."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sojourn.campaigns.feed_fetching import fetch
from sojourn.campaigns.feed_reading import ReadFeed, read_feed
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.campaign_run import CampaignAct, CampaignDeed, CampaignState
from sojourn.domain.errors import BadSetting, FeedFault
from sojourn.domain.feed import ANY, Article, Articles, Feed
from sojourn.store import Store, articles, campaigns

NOTHING_NEW = "nothing is new in its feed: nobody is written to"
OURS = "campaign"
"""The name under which an occurrence that has nothing to tell is ended."""


@dataclass(frozen=True)
class LookedAt:
    """The contents of the feeds of a campaign.

    Args:
        fresh: what a message tells of now.
        all: by language, everything that the feeds have, in their order.
        left_out: entries that cannot stand in a message.
    """

    fresh: Articles
    all: Mapping[str, tuple[Article, ...]]
    left_out: int

    @property
    def newest(self) -> Articles:
        """The beginning of each feed, told of or not: to see that the words work."""
        return Articles({language: found[:1] for language, found in self.all.items()})


async def look(feed: Feed, had: Mapping[str, frozenset[str]], now: datetime) -> LookedAt:
    """Fetch the feeds of a campaign, and choose what is new.

    Args:
        feed: of the campaign.
        had: ids that earlier occurrences have told of, by language.
        now: the moment.

    Returns:
        What there is, and what is new.

    Raises:
        FeedFault: one of them cannot be read.
        BadSetting: a variable with an address is not set.
    """
    addresses = feed.addresses()
    read = await asyncio.gather(*(_read(*one) for one in addresses.items()))
    found = dict(zip(addresses, read, strict=True))
    return LookedAt(
        Articles(
            {
                language: feed.fresh(one.articles, had.get(language, frozenset()), now)
                for language, one in found.items()
            }
        ),
        {language: one.articles for language, one in found.items()},
        sum(one.left_out for one in read),
    )


async def _read(language: str, address: str) -> ReadFeed:
    try:
        data, came_from = await fetch(address)
        return await asyncio.to_thread(read_feed, data, came_from)
    except FeedFault as fault:
        if language == ANY:
            raise
        raise FeedFault(f"for {language} {fault.why}", fault.retry_after) from None


async def choose(store: Store, campaign_id: str, now: datetime) -> None:
    """Choose the articles of an occurrence, once; end it if nothing is new.

    Args:
        store: open.
        campaign_id: of an occurrence that was launched.
        now: the moment.

    Raises:
        FeedFault: a feed cannot be read; nothing is noted.
        BadSetting: a variable with an address is not set.
    """
    async with store.reading() as session:
        row = await campaigns.get(session, campaign_id)
        plan = CampaignPlan.model_validate(row.plan)
        assert plan.feed is not None, "only a campaign with a feed reads it"
        if row.state.is_over or await articles.of(session, campaign_id, plan.feed.written):
            return
    looked = await look(plan.feed, {}, now)
    async with store.transaction() as session:
        # the first to come has chosen: an attempt that was given up, or another occurrence
        await articles.hold(session, row.name)
        if await articles.of(session, campaign_id, plan.feed.written):
            return
        had = await articles.had(session, row.name, beside=campaign_id)
        fresh = Articles(
            {
                language: plan.feed.fresh(found, had.get(language, frozenset()), now)
                for language, found in looked.all.items()
            }
        )
        articles.keep(session, campaign_id, row.name, fresh)
        if not fresh:
            await campaigns.end(
                session, campaign_id, CampaignState.FINISHED, by=OURS, because=NOTHING_NEW
            )


async def give_up(store: Store, campaign_id: str, fault: FeedFault | BadSetting) -> None:
    """End an occurrence whose feed cannot be read: nobody gets a message without articles.

    Args:
        store: open.
        campaign_id: its id.
        fault: why.
    """
    deed = CampaignDeed(campaign=campaign_id, act=CampaignAct.STOP, by=OURS, because=str(fault))
    async with store.transaction() as session:
        await campaigns.act(session, deed)


async def told_in(store: Store, plan: CampaignPlan, campaign_id: str) -> CampaignPlan:
    """Return the plan of an occurrence with the articles that it tells of.

    Args:
        store: open.
        plan: of the occurrence.
        campaign_id: its id.

    Returns:
        The plan; as it is, if it tells of none.
    """
    if plan.feed is None:
        return plan
    async with store.reading() as session:
        return plan.telling_of(await articles.of(session, campaign_id, plan.feed.written))
