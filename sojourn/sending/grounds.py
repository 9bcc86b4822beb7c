"""`Grounds`: the basis of an installation's decisions on messages, beside the message itself.

The gate of single messages and that of batches have the same ones, so that they decide alike.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta
from typing import Self

from sojourn.domain.coupons import Pools
from sojourn.domain.events import SHIPPED, Events
from sojourn.domain.facts import Fact, read_fact
from sojourn.domain.holdout import NO_HOLDOUTS, Holdouts
from sojourn.domain.messages import Channel, Delivery
from sojourn.domain.only_to import OnlyTo
from sojourn.domain.ordering import CLOCK_SKEW
from sojourn.domain.rules import Rules
from sojourn.domain.topics import Topics
from sojourn.project import Project
from sojourn.sending import couponing, opting
from sojourn.sending.ramping import Ramp
from sojourn.settings import Settings

NO_TOPICS = Topics()


@dataclass(frozen=True)
class Grounds:
    """The project, the policy and the settings, as far as a decision on a message asks for them.

    Args:
        rules: of the project's policy, as they are at the moment.
        default_zone: the zone of customers whose own is unknown, an IANA name.
        events: the project's, by wire name.
        off: names of journeys that the project has switched off.
        topics: the project's: some need a yes of their own.
        coupons: the project's pools of codes.
        stays_if: conditions under which messages leave, by the names of journeys that have one.
        clock_skew: how far senders' clocks may differ.
        only_to: the addresses that this installation may write to; None: all.
        opt_ins_a_day: how often one address is asked to confirm within a day.
        versions: of the code of journeys, by their names.
        ramp: of the domain that e-mails leave from; None: it has no budget.
        holdouts: the parts of all customers that get nothing promotional.
        instead_of: the journeys in whose place others would be, by the names of those.
        at_rest: names of journeys that begin nothing from which a message leaves.
    """

    rules: Callable[[], Rules]
    default_zone: str
    _: KW_ONLY
    events: Events = field(default_factory=lambda: SHIPPED)
    off: Collection[str] = ()
    topics: Topics = NO_TOPICS
    coupons: Pools = couponing.NO_POOLS
    stays_if: Mapping[str, Fact] = field(default_factory=dict)
    clock_skew: timedelta = CLOCK_SKEW
    only_to: OnlyTo | None = None
    opt_ins_a_day: int = opting.A_DAY
    versions: Mapping[str, str] = field(default_factory=dict)
    ramp: Ramp | None = None
    holdouts: Holdouts = NO_HOLDOUTS
    instead_of: Mapping[str, str] = field(default_factory=dict)
    at_rest: Collection[str] = ()

    @classmethod
    def of(cls, settings: Settings, project: Project, rules: Callable[[], Rules]) -> Self:
        """Make the grounds of an installation.

        Args:
            settings: of the installation.
            project: its journeys, events and topics.
            rules: of the project's policy, as they are at the moment.

        Returns:
            The grounds.
        """
        return cls(
            rules,
            settings.timezone,
            events=project.events,
            off=project.journeys.off,
            topics=project.topics,
            coupons=project.coupons,
            stays_if=project.journeys.stays_if,
            clock_skew=settings.clock_skew,
            only_to=settings.only_to,
            opt_ins_a_day=settings.opt_ins_a_day,
            versions=project.journeys.versions,
            ramp=Ramp.of(settings, project),
            holdouts=Holdouts(settings.holdout, project.journeys.holdouts),
            instead_of=project.journeys.instead_of,
            at_rest=project.journeys.at_rest,
        )

    def condition(self, delivery: Delivery) -> Fact | None:
        """Return the fact that must hold when a message leaves: its campaign's or its journey's."""
        return read_fact(delivery.still) if delivery.still else self.stays_if.get(delivery.journey)

    def may_write_to(self, channel: Channel, address: str) -> bool:
        """Tell whether this installation may write to an address at all."""
        return self.only_to is None or self.only_to.allows(channel, address)
