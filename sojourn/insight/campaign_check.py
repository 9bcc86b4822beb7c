"""`Check`: a campaign before its launch, counted, rendered and judged by the gate, unstored."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Self

import phonenumbers
from pydantic import BaseModel

from sojourn.campaigns import articles as in_feed
from sojourn.campaigns import following
from sojourn.campaigns.approving import digest_in
from sojourn.campaigns.pacing import MOST
from sojourn.domain.campaign import Campaign
from sojourn.domain.campaign_forecast import Arrival, Forecast, forecast
from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.campaign_run import CampaignCounts, CampaignState
from sojourn.domain.errors import BadInput, BadSetting, FeedFault, NothingToSay, TemplateError
from sojourn.domain.facts.of_campaigns import asks_for_clicks
from sojourn.domain.feed import Article
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.prices import FILE as PRICES
from sojourn.insight.campaign_climbing import Climb, Warming
from sojourn.insight.campaign_looking import Going, Looking
from sojourn.insight.campaign_words import InLanguage, Readers, tried, words_for
from sojourn.insight.leading.launching import Ahead, Message
from sojourn.insight.leading.launching import ahead as led_on
from sojourn.insight.leading.snapshot import Snapshot
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.specimens import renderer_of
from sojourn.settings import Settings
from sojourn.store import Store, articles, campaigns, coupon_stock

SAMPLE = 1_000


class HeldBy(BaseModel):
    """Messages that are held for one reason before they may leave.

    Args:
        reason: the reason, as in docs/reasons.md.
        number: how many.
        first: when the first hold ends.
        last: when the last hold ends.
    """

    reason: Reason
    number: int
    first: datetime
    last: datetime


class Hour(BaseModel):
    """An hour, and the number of messages that leave in it."""

    hour: datetime
    number: int


class Cost(BaseModel):
    """The cost of text messages to numbers with one beginning.

    Args:
        prefix: their beginning.
        messages: how many.
        segments: the number of segments that are billed.
        amount: their cost; None if no price is known.
        currency: the currency of the amount; empty without one.
    """

    prefix: str
    messages: int
    segments: int
    amount: Decimal | None
    currency: str


class InFeed(BaseModel):
    """An article that the next message carries.

    Args:
        language: the language of the feed; empty: it is for all.
        id: the article's id in the feed.
        title: its title, as customers read it.
        url: where it leads.
        published_at: its date in the feed; None if it has none.
    """

    language: str
    id: str
    title: str
    url: str
    published_at: datetime | None

    @classmethod
    def of(cls, language: str, one: Article) -> Self:
        """Return an article as it is shown."""
        return cls(
            language=language,
            id=one.id,
            title=one.title,
            url=one.url,
            published_at=one.published_at,
        )


class Check(BaseModel):
    """A campaign before its launch.

    Args:
        campaign: its name.
        audience: its audience's name.
        when: when it is due, in words.
        size: the number of customers in its audience.
        looked: the number of customers that the gate was asked about. If it is not the size, the
            numbers below are estimates for all, from a random sample.
        sent: messages that would leave, by channel, including held ones.
        held: those of them that are held first.
        skipped: customers who would get nothing, by reason.
        decided: customers whose message is in the ledger already, from an earlier launch.
        follows: the numbers of the campaigns that it follows.
        words: the trials of its words, by variant, language and channel.
        hours: messages by the hour, in UTC.
        ends: when the last message leaves; None if none does.
        late: messages whose turn comes too late.
        rate: messages a second on the slowest channel; None: no limit is set.
        warming: the sending domain, if it warms up and has a budget today; otherwise None.
        costs: the costs of text messages.
        warnings: points that need attention, in words.
        digest: the digest that an approval is bound to.
        launch: the command that launches it.
        state: where it stands, if it was launched; otherwise None.
        articles: the articles that it would carry, if it has a feed.
        feed_fault: why its feed cannot be read; empty if it can, or there is none.
        ahead: the caps that it would meet because open runs write first; None: nobody asked.
    """

    campaign: str
    audience: str
    when: str
    size: int
    looked: int
    sent: dict[Channel, int]
    held: list[HeldBy]
    skipped: dict[Reason, int]
    decided: int
    follows: list[CampaignCounts]
    words: list[InLanguage]
    hours: list[Hour]
    ends: datetime | None
    late: int
    rate: float | None
    warming: Warming | None
    costs: list[Cost]
    warnings: list[str]
    digest: str
    launch: str
    state: CampaignState | None
    articles: list[InFeed] = []
    feed_fault: str = ""
    ahead: Ahead | None = None

    @property
    def fails(self) -> bool:
        """True if the words of a language cannot be rendered, or its feed cannot be read."""
        return bool(self.feed_fault) or any(one.faults for one in self.words)


async def check(
    store: Store,
    settings: Settings,
    project: Project,
    campaign: Campaign,
    now: datetime,
    *,
    sample: int | None = SAMPLE,
    snapshot: Snapshot | None = None,
) -> Check:
    """Check a campaign as if it were launched now.

    Args:
        store: the open store.
        settings: the settings of the installation.
        project: has the words, languages, policy and prices.
        campaign: a campaign of the project.
        now: the moment of the supposed launch.
        sample: the number of customers to ask the gate about; None: all.
        snapshot: of the open runs, to lead them on to the launch; None: they are left alone.

    Returns:
        The findings.
    """
    renderer = renderer_of(project, settings)
    plan = CampaignPlan.of(campaign, campaign.name, now, occasion=campaign.next_occasion(now))
    told = await _articles(store, plan, now)
    plan = told.plan
    looking = Looking(store, settings, project, renderer, plan=plan, now=now)
    size = await looking.size()
    asked = looking.everybody() if sample is None or sample >= size else looking.sample(sample)
    seen = _Seen(plan, project, settings, renderer)
    messages: list[Message] = []
    async for going in asked:
        seen.add(going)
        if snapshot is not None:
            leaves = going.delivery.model_copy(update={"channel": going.channel})
            messages.append((leaves, going.ready))
    tally = looking.tally
    scale = size / tally.looked if tally.looked else 1.0
    async with store.reading() as session:
        climb = await Climb.of(session, settings, project, plan)
    course = {
        channel: forecast(
            climb.over(
                channel,
                [
                    Arrival(ready, number * scale, until)
                    for (ready, until), number in sorted(arrivals.items())
                ],
            ),
            _rate(plan, settings, channel),
        )
        for channel, arrivals in seen.arrivals.items()
    }
    rates = [one for channel in course if (one := _rate(plan, settings, channel)) is not None]
    sent = {
        channel: round(sum(arrivals.values()) * scale)
        for channel, arrivals in seen.arrivals.items()
    }
    async with store.reading() as session:
        row = await campaigns.find(session, campaign.name)
        codes = await coupon_stock.free(session, plan.model.coupon) if plan.model.coupon else None
    follows, doubts = await _followed(store, settings, plan)
    digest = digest_in(project, campaign)
    how = "schedule" if campaign.next_occasion(now) else "launch"
    late = sum(one.late for one in course.values())
    return Check(
        campaign=campaign.name,
        audience=campaign.to.name,
        when=str(campaign.when),
        size=size,
        looked=tally.looked,
        sent=sent,
        held=seen.holds(scale),
        skipped={r: round(n * scale) for r, n in tally.skipped.most_common()},
        decided=round(tally.decided * scale),
        follows=follows,
        words=tried(
            renderer, plan, project.languages, seen.readers, pools=project.coupons, now=now
        ),
        hours=_together(course.values()),
        ends=max((one.ends for one in course.values() if one.ends), default=None),
        late=late,
        rate=min(rates, default=None),
        warming=climb.warming(course),
        costs=seen.costs(scale),
        warnings=[
            *told.warnings,
            *doubts,
            *_warnings(seen, plan, late=late, codes=codes, sent=sum(sent.values())),
        ],
        digest=digest,
        launch=f"sojourn campaign {how} {campaign.name} --approve {digest}",
        state=row.state if row is not None else None,
        articles=told.articles,
        feed_fault=told.fault,
        ahead=None
        if snapshot is None
        else led_on(snapshot, project, settings, messages).scaled(scale),
    )


@dataclass(frozen=True)
class _Told:
    """The articles of a campaign as they are now.

    Args:
        plan: the campaign's plan, with articles to try its words with.
        articles: the articles that it would carry.
        warnings: points that need attention.
        fault: why its feed cannot be read.
    """

    plan: CampaignPlan
    articles: list[InFeed] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    fault: str = ""


async def _articles(store: Store, plan: CampaignPlan, now: datetime) -> _Told:
    if plan.feed is None:
        return _Told(plan)
    async with store.reading() as session:
        had = await articles.had(session, plan.model.journey)
    try:
        looked = await in_feed.look(plan.feed, had, now)
    except (FeedFault, BadSetting) as fault:
        return _Told(plan, fault=str(fault))
    warnings: list[str] = []
    if not looked.fresh:
        warnings.append(
            "nothing is new in its feed: an occurrence would end without anybody written to; its "
            "words were tried with the newest article"
        )
    if looked.left_out:
        warnings.append(
            f"{looked.left_out:,} entries of its feed are left out: they have no title, or no "
            "address on the web"
        )
    return _Told(
        plan.telling_of(looked.fresh or looked.newest),
        [
            InFeed.of(language, one)
            for language, found in looked.fresh.by_language.items()
            for one in found
        ],
        warnings,
    )


async def _followed(
    store: Store, settings: Settings, plan: CampaignPlan
) -> tuple[list[CampaignCounts], list[str]]:
    """Return the numbers of the campaigns that one follows, and warnings about them."""
    warnings: list[str] = []
    if (asked := asks_for_clicks(plan.fact)) and not settings.track_clicks:
        named = ", ".join(sorted(asked))
        warnings.append(f"clicks are not measured here: nobody is known to have clicked in {named}")
    async with store.reading() as session:
        try:
            follows = await following.first_ones(session, plan)
        except BadInput as error:
            return [], [*warnings, str(error)]
    try:
        following.check_over(plan.model.journey, follows)
    except BadInput as error:
        warnings.append(str(error))
    return follows, warnings


class _Seen:
    """The totals of the sample's messages."""

    def __init__(
        self, plan: CampaignPlan, project: Project, settings: Settings, renderer: Renderer
    ) -> None:
        self._plan = plan
        self._project = project
        self._provider = settings.sms_provider
        self._renderer = renderer
        self.readers = Readers()
        self.arrivals: dict[Channel, Counter[tuple[datetime, datetime]]] = {}
        self.unrendered = 0
        self._held: dict[Reason, list[datetime]] = {}
        self._texts: Counter[str] = Counter()
        self._segments: Counter[str] = Counter()
        self._amounts: dict[str, tuple[Decimal, str]] = {}

    def add(self, one: Going) -> None:
        """Count a message that would leave."""
        key = (one.ready, one.delivery.useful_until)
        self.arrivals.setdefault(one.channel, Counter())[key] += 1
        self.readers.add(one)
        if one.held_by is not None:
            self._held.setdefault(one.held_by, []).append(one.ready)
        if one.channel is Channel.SMS:
            self._bill(one)

    def _bill(self, one: Going) -> None:
        segments = 0
        for variant in self._plan.variants:  # the longest variant counts, since it may win
            try:
                said = words_for(
                    self._renderer,
                    self._plan.worded(one.delivery, variant),
                    one.customer,
                    one.channel,
                    timezone=one.timezone,
                    pools=self._project.coupons,
                    now=one.ready,
                )
            except (NothingToSay, TemplateError):
                self.unrendered += 1  # the trial of its language says why
                return
            segments = max(segments, said.segments)
        price = self._project.prices.of(one.address, self._provider)
        prefix = price.prefix if price is not None else _country_code(one.address)
        self._texts[prefix] += 1
        self._segments[prefix] += segments
        if price is not None:
            self._amounts[prefix] = (price.amount, price.currency)

    def holds(self, scale: float) -> list[HeldBy]:
        """Return the holds of messages, the most frequent reason first."""
        found = [
            HeldBy(reason=why, number=round(len(ends) * scale), first=min(ends), last=max(ends))
            for why, ends in self._held.items()
        ]
        return sorted(found, key=lambda one: -one.number)

    def costs(self, scale: float) -> list[Cost]:
        """Return the costs of text messages, by the beginning of their numbers."""
        found: list[Cost] = []
        for prefix, number in self._texts.most_common():
            segments = round(self._segments[prefix] * scale)
            amount, currency = self._amounts.get(prefix, (None, ""))
            found.append(
                Cost(
                    prefix=prefix,
                    messages=round(number * scale),
                    segments=segments,
                    amount=None if amount is None else amount * segments,
                    currency=currency,
                )
            )
        return found


def _warnings(
    seen: _Seen, plan: CampaignPlan, *, late: int, codes: int | None, sent: int
) -> list[str]:
    found: list[str] = []
    if late:
        found.append(
            f"{late:,} messages would be too late: their turn comes after useful_for "
            f"({plan.useful_for}); a higher rate or a longer useful_for reaches them"
        )
    if codes is not None and codes < sent:
        found.append(
            f"the pool {plan.model.coupon} has {codes:,} free codes for {sent:,} messages: "
            "who comes after the last one is skipped (no_coupon)"
        )
    unpriced = [one.prefix for one in seen.costs(1) if one.amount is None]
    if unpriced:
        found.append(f"no price is named for {', '.join(unpriced)}: {PRICES} has none")
    if seen.unrendered:
        found.append(f"{seen.unrendered:,} text messages of the sample cannot be rendered")
    return found


def _rate(plan: CampaignPlan, settings: Settings, channel: Channel) -> float | None:
    """Return the rate of a campaign's messages on a channel, if nothing else leaves on it."""
    limit: float | None = getattr(settings, f"{channel}_limit")
    found = [one for one in (plan.rate, None if limit is None else limit * MOST) if one is not None]
    return min(found, default=None)


def _together(course: Iterable[Forecast]) -> list[Hour]:
    """Add up the hours of several channels."""
    hours: Counter[datetime] = Counter()
    for one in course:
        hours.update(dict(one.hours))
    return [Hour(hour=hour, number=number) for hour, number in sorted(hours.items())]


def _country_code(number: str) -> str:
    """Return the code with which an E.164 number begins: ``+39``."""
    try:
        return f"+{phonenumbers.parse(number).country_code}"
    except phonenumbers.NumberParseException:
        return "?"
