"""`CampaignPlan`: all that the batches of a launched campaign need, as the store keeps it.

A deploy in the middle of a campaign changes its templates and nothing else: its audience, its times
and its rate were approved.
"""

from datetime import datetime, timedelta
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict

from sojourn.domain.ab_standing import ABPlan
from sojourn.domain.brakes import Brakes
from sojourn.domain.campaign import Campaign
from sojourn.domain.campaign_run import PREFIX
from sojourn.domain.errors import BadInput
from sojourn.domain.facts import Fact, asked_on, read_fact, written
from sojourn.domain.facts.of_campaigns import still
from sojourn.domain.feed import Articles, Feed
from sojourn.domain.messages import Channel, Delivery
from sojourn.domain.recurring import Recurring
from sojourn.domain.sending_time import Passed, SendingTime


class CampaignPlan(BaseModel):
    """The plan of one campaign.

    Args:
        audience: its audience's name.
        who: the audience's question.
        model: the message, without recipient and moment.
        useful_for: how long it is of use after it is due.
        moment: when it is due, if at one moment for everybody.
        local: when it is due, if at a local time.
        passed: what becomes of customers where that local time has passed.
        rate: messages a second, at most.
        seeds: addresses that get a copy.
        brakes: the shares at which it stops itself; None: it never does.
        ab: the variants that it is tried in; None: it has no variants.
        feed: whose new articles it tells of; None: of none.
    """

    model_config = ConfigDict(frozen=True)

    audience: str
    who: dict[str, Any]
    model: Delivery
    useful_for: timedelta
    moment: AwareDatetime | None = None
    local: datetime | None = None
    passed: Passed = Passed.TOMORROW
    rate: float | None = None
    seeds: tuple[str, ...] = ()
    brakes: Brakes | None = Brakes()
    ab: ABPlan | None = None
    feed: Feed | None = None

    @classmethod
    def of(cls, campaign: Campaign, campaign_id: str, now: datetime, *, occasion: str = "") -> Self:
        """Make the plan of a campaign that is launched now.

        Args:
            campaign: of the project.
            campaign_id: its id: its name, and its occasion if it has several.
            now: the launch.
            occasion: the day, of a campaign that recurs: ``2026-12-07``.

        Returns:
            The plan.

        Raises:
            BadInput: it recurs, and there is no occurrence on that day.
        """
        message, when = campaign.message, _when(campaign, occasion)
        local = None
        if when.day is not None and when.local is not None:
            local = datetime.combine(when.day, when.local)
        return cls(
            audience=campaign.to.name,
            who=written(asked_on(campaign.to.who, when.day) if when.day else campaign.to.who),
            model=Delivery(
                workflow_id=PREFIX + campaign_id,
                journey=campaign.name,
                customer_id="",
                key="",
                key_field="",
                enrolment="",
                n=1,
                step=campaign.step,
                template=campaign.template,
                channels=message.channels,
                message_class=message.message_class,
                topic=message.topic,
                due=now,
                useful_until=now,
                within=message.within,
                at_most=message.at_most,
                at_cap=message.at_cap,
                now=now,
                start=(now, 0),
                latest=(now, 0),
                goals=tuple(one.event_name for one in campaign.goals),
                ends=(),
                restarts=(),
                timezone="UTC",
                given=dict(campaign.given),
                coupon=message.coupon,
                cause=campaign_id,
                campaign=campaign_id,
                version=campaign.digest()[:8],
                still={} if (fact := still(campaign.to.who)) is None else written(fact),
            ),
            useful_for=message.useful_for,
            moment=when.moment,
            local=local,
            passed=when.passed,
            rate=campaign.rate,
            seeds=campaign.seeds,
            brakes=campaign.brakes,
            ab=None if campaign.ab is None else ABPlan.of(campaign.ab),
            feed=campaign.articles,
        )

    @property
    def when(self) -> SendingTime:
        """When its message is due."""
        if self.local is None:
            return SendingTime(moment=self.moment)
        return SendingTime(day=self.local.date(), local=self.local.time(), passed=self.passed)

    @property
    def feed_until(self) -> datetime | None:
        """The moment until which its feed is tried: after it nobody could be told in time."""
        if self.feed is None:
            return None
        return self.when.begins(self.model.now) + self.useful_for

    @property
    def fact(self) -> Fact:
        """The question of its audience."""
        return read_fact(self.who)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels of its message, in order."""
        return self.model.channels

    def telling_of(self, articles: Articles) -> Self:
        """Return the plan with the articles that its message tells of."""
        return self.model_copy(
            update={"model": self.model.model_copy(update={"articles": articles})}
        )

    def delivery(
        self,
        customer_id: str,
        *,
        due: datetime,
        now: datetime,
        lane: Channel,
        start: tuple[datetime, int],
        variant: str = "",
    ) -> Delivery:
        """Return the message to one recipient.

        Args:
            customer_id: the recipient, by the id at the freeze.
            due: when it is due there.
            now: by the campaign's clock.
            lane: the channel on whose queue it is.
            start: the moment of the freeze, and the number of the newest event then.
            variant: in which the recipient gets it; empty: in the first one, if it has several.

        Returns:
            The message.
        """
        return self.worded(self.model, variant).model_copy(
            update={
                "customer_id": customer_id,
                "enrolment": customer_id,
                "due": due,
                "useful_until": self._useful_until(due),
                "now": now,
                "channel": lane,
                "start": start,
                "latest": start,
            }
        )

    def worded(self, delivery: Delivery, variant: str) -> Delivery:
        """Return a message in the words of a variant; an empty name changes nothing."""
        if self.ab is None or not variant:
            return delivery
        words = {"variant": variant, "template": self.ab.template(variant)}
        return delivery.model_copy(update=words)

    @property
    def variants(self) -> tuple[str, ...]:
        """The names of its variants; one empty name if it has none."""
        return ("",) if self.ab is None else self.ab.names

    def due_after(self, due: datetime, decides: datetime) -> datetime:
        """Return when the message is due to somebody who gets the winner.

        It is the later of two moments. A message that was already of no use when the campaign was
        launched stays that way.

        Args:
            due: when it would be due without the test.
            decides: when the winner is found.
        """
        launched, _ = self.model.start
        past = {Passed.NEVER: timedelta(0), Passed.LATE: self.useful_for}
        if self.local is not None and self.passed in past and due + past[self.passed] < launched:
            return due
        return max(due, decides)

    def _useful_until(self, due: datetime) -> datetime:
        """Return when it is of no use any more.

        A message that is due in the past when the audience is frozen is not to be sent at all
        (`Passed.NEVER`): its use ends at once.
        """
        frozen, _ = self.model.start
        is_void = due < frozen and self.passed is Passed.NEVER
        return due if is_void else due + self.useful_for


def _when(campaign: Campaign, occasion: str) -> SendingTime:
    """Return when a campaign is due; of one that recurs, when the occurrence of a day is."""
    if not isinstance(campaign.when, Recurring):
        return campaign.when
    day = campaign.when.day_of(occasion)
    if day is None:
        raise BadInput(
            f"{campaign.name} is sent {campaign.when}, and {occasion or 'none'} is not such a day: "
            "name the day of an occurrence, or have all of them sent by `sojourn campaign schedule "
            f"{campaign.name}`"
        )
    return campaign.when.on(day)
