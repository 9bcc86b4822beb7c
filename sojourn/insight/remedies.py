"""Remedies: changes that would have altered the fate of a message, or of an event without a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sojourn.domain import consent_words
from sojourn.domain.consent import Purpose
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.switches import Part, Scope, first
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import Terms, names
from sojourn.journeys.wording import clock
from sojourn.store import switches
from sojourn.store.tables import ConsentRow, SuppressionRow, SwitchRow

_WITH = "with "
"""The beginning of a cap's clause on the effect of a greater cap."""


@dataclass(frozen=True)
class Facts:
    """The known facts beside the ledger.

    Args:
        customer_id: the customer.
        tz: the customer's time zone.
        journeys: the project's journeys.
        said: all statements of consent; those that count come last.
        dead: suppressions of the customer's addresses that hold.
        held: switches of operators, those that are on and those that were.
    """

    customer_id: str
    tz: str
    journeys: Journeys
    said: Sequence[ConsentRow] = ()
    dead: Sequence[SuppressionRow] = ()
    held: Sequence[SwitchRow] = ()


@dataclass(frozen=True)
class Matter:
    """A message that did not leave, or an event that started no run.

    Args:
        reason: why.
        journey: its journey.
        step: the message's step.
        topic: the message's topic.
        channels: the message's channels, in its order.
        at: when it was decided on.
        until: the end of the message's hold, if it is held.
        detail: the values or rules that it was judged by.
        cause: the event that prevented it, in words; empty if none did.
        campaign: the campaign's id, if it is a campaign's message.
    """

    reason: Reason
    journey: str
    step: str = ""
    topic: str = ""
    channels: tuple[Channel, ...] = ()
    at: datetime | None = None
    until: datetime | None = None
    detail: str = ""
    cause: str = ""
    campaign: str = ""


def remedy(matter: Matter, facts: Facts) -> str:
    """Say what would have changed the outcome.

    Args:
        matter: the message or the event.
        facts: the known facts beside the ledger.

    Returns:
        A clause for an operator.
    """
    journey = facts.journeys.get(matter.journey)
    terms = journey.terms if journey is not None else Terms()
    if matter.campaign and (said := _OF_CAMPAIGNS.get(matter.reason)) is not None:
        return said(matter, facts, terms)
    return _WORDS[matter.reason](matter, facts, terms)


def _goal(matter: Matter, facts: Facts, terms: Terms) -> str:
    cause = matter.cause or " or ".join(names(terms.goal)) or "the goal"
    return f"without {cause} it would have left; the journey has what it is for"


def _stopped(matter: Matter, facts: Facts, terms: Terms) -> str:
    starts = " or ".join(names(terms.starts_on)) or "a start"
    return f"a run that was ended stays so; the next {starts} begins another"


def _off(matter: Matter, facts: Facts, terms: Terms) -> str:
    return (
        f'with "{matter.journey}" taken out of `off` in [tool.sojourn], and workers and gateway '
        "started again"
    )


def _no_longer(matter: Matter, facts: Facts, terms: Terms) -> str:
    asked = f" asks {terms.stays_if}" if terms.stays_if is not None else ""
    return f"`stays_if`{asked}: it must hold at the moment at which the message leaves"


def _not_qualified(matter: Matter, facts: Facts, terms: Terms) -> str:
    asked = f" asks {terms.enters_if}" if terms.enters_if is not None else ""
    return f"`enters_if`{asked}: it must hold when the event is stored; the next one is another"


def _came_again(matter: Matter, facts: Facts, terms: Terms) -> str:
    return f"`again=` of the journey says {terms.again}"


def _enough(matter: Matter, facts: Facts, terms: Terms) -> str:
    return f"`at_most=` of the journey says {terms.at_most}: an event after the end of one enters"


def _requests(matter: Matter, facts: Facts, terms: Terms) -> str:
    said = f" says {terms.limits}" if terms.limits is not None else ""
    return f"`limits=` of the journey{said}: a request counts for that time"


def _address(matter: Matter, facts: Facts, terms: Terms) -> str:
    told = {
        Channel.EMAIL: "email",
        Channel.SMS: "phone",
        Channel.WHATSAPP: "phone",
        Channel.PUSH: "pushToken",
    }
    traits = " or ".join(dict.fromkeys(told[one] for one in matter.channels)) or "an address"
    return f"an identify call that tells {traits} before the message is decided on"


def _consent(matter: Matter, facts: Facts, terms: Terms) -> str:
    """Name the statement that stands against the message, and since when."""
    found = [_word(channel, matter, facts) for channel in matter.channels or tuple(Channel)]
    return "; ".join(dict.fromkeys(found))


def _word(channel: Channel, matter: Matter, facts: Facts) -> str:
    """Name the statement that counts on one channel, in the gate's order."""
    said = [row for row in facts.said if row.purpose in (None, Purpose.MESSAGES)]
    of_topic = [r for r in said if r.topic == matter.topic and r.channel in ("", channel.value)]
    of_channel = [row for row in said if not row.topic and row.channel == channel.value]
    topic = of_topic[-1] if of_topic and matter.topic else None
    general = of_channel[-1] if of_channel else None
    if topic is not None and (matter.reason is Reason.OPTED_OUT or _over(topic)):
        return _stands(topic, facts)
    if general is None:
        return f"no yes to promotional messages by {channel} was ever told: only a yes changes it"
    later = matter.at is not None and general.at > matter.at
    if not general.granted or _over(general) or later:
        return _stands(general, facts)
    return f"{matter.topic} needs a yes of its own, and a yes to the channel is none"


def _stands(row: ConsentRow, facts: Facts) -> str:
    """Say since when a statement counts, and what changes it."""
    what = f"messages on {row.topic}" if row.topic else "promotional messages"
    by = row.channel or "any way"
    if row.granted and not _over(row):
        when = clock(row.at, facts.tz)
        return f"a yes to {what} by {by} came {when}: what is decided on after it may leave"
    if row.granted:
        assert row.expires_at is not None
        ended = clock(row.expires_at, facts.tz)
        return f"the yes to {what} by {by} ended {ended}: only a new yes changes it"
    when = clock(consent_words.since(row), facts.tz)
    return (
        f"consent to {what} by {by} was withdrawn {when} ({row.source}): only a new yes changes it"
    )


def _over(row: ConsentRow) -> bool:
    return row.expires_at is not None and row.expires_at <= datetime.now(UTC)


def _suppressed(matter: Matter, facts: Facts, terms: Terms) -> str:
    found = [row for row in facts.dead if not matter.channels or row.channel in matter.channels]
    if not found:
        return "the suppression was lifted since, or the address changed: the next one may leave"
    row = found[0]
    when = clock(row.at, facts.tz)
    return (
        f"the {row.channel} address {row.because} {when} ({row.source}): another address, or "
        f"`sojourn suppressions lift {row.channel} ADDRESS` once it certainly lives"
    )


def _too_late(matter: Matter, facts: Facts, terms: Terms) -> str:
    if matter.detail:
        return f"without {matter.detail}, or with a longer `useful_for`"
    return "with a longer `useful_for`, or had it not come so late: see what held it before"


def _rule(matter: Matter, facts: Facts, terms: Terms) -> str:
    rule = matter.detail or "the policy's hours"
    when = f" {clock(matter.at, facts.tz)}" if matter.at else ""
    return f"without {rule} it would have left{when}"


def _in_care(matter: Matter, facts: Facts, terms: Terms) -> str:
    ends = {
        name: " or ".join(names((*journey.terms.goal, *journey.terms.ends_on)))
        for name, journey in facts.journeys.muting.items()
    }
    by = [name for name in ends if f"in care of {name}" in matter.detail] or list(ends)
    told = "; ".join(f"{ends[name]} ends it in {name}" for name in by if ends[name])
    return "; ".join(filter(None, [told, "so does an operator's stop of the run, or its time"]))


def _cap(matter: Matter, facts: Facts, terms: Terms) -> str:
    clauses = [part for part in matter.detail.split("; ") if part.startswith(_WITH)]
    return clauses[-1] if clauses else "with greater caps in policy.toml"


def _gave_way(matter: Matter, facts: Facts, terms: Terms) -> str:
    first_place = f'with "{matter.journey}/{matter.step}" before the other in [precedence]'
    return "; ".join(filter(None, [first_place, _cap(matter, facts, terms)]))


def _held_back(matter: Matter, facts: Facts, terms: Terms) -> str:
    part = Part.SENDS if matter.step else Part.ENTRIES
    on = [switches.switch(one) for one in facts.held if one.part == part and one.ended_at is None]
    switch = first(on, journey=matter.journey, topics=[matter.topic])
    if switch is None:
        return "it was resumed since"
    what = "all" if switch.scope is Scope.ALL else f"{switch.scope} {switch.name}"
    by = f"{switch.by} holds it since {clock(switch.since, facts.tz)} ({switch.because})"
    return f"{by}: `sojourn resume {what} --why ...`"


def _paused(matter: Matter, facts: Facts, terms: Terms) -> str:
    channel = matter.channels[0] if matter.channels else "CHANNEL"
    return f"`sojourn channels` says why; `sojourn channels resume {channel}` opens it"


def _restricted(matter: Matter, facts: Facts, terms: Terms) -> str:
    return f"`sojourn customer restrict {facts.customer_id} --lift --why ...`"


def _goal_of_campaign(matter: Matter, facts: Facts, terms: Terms) -> str:
    return f"without {matter.cause or 'its goal'} it would have left: the campaign is for that"


def _campaign_stopped(matter: Matter, facts: Facts, terms: Terms) -> str:
    return f"a campaign that was stopped stays so: `sojourn campaign show {matter.campaign}`"


def _campaign_held(matter: Matter, facts: Facts, terms: Terms) -> str:
    said = _held_back(matter, facts, terms)
    if "sojourn resume" in said:
        return said
    return f"`sojourn campaign resume {matter.campaign} --why ...`, if the campaign is paused"


def _tried(matter: Matter, facts: Facts, terms: Terms) -> str:
    return f"a template that renders; `sojourn campaign check {matter.journey}` tries it"


def _said(words: str) -> Callable[[Matter, Facts, Terms], str]:
    return lambda _, __, ___: words


_WORDS: Mapping[Reason, Callable[[Matter, Facts, Terms], str]] = {
    Reason.GOAL_REACHED: _goal,
    Reason.SUPERSEDED: _said("its steps began again, and come to this message once more"),
    Reason.RUN_STOPPED: _stopped,
    Reason.SWITCHED_OFF: _off,
    Reason.EVENT_MISSING: _said(
        "the event, sent again under its own message id; `sojourn recover` lists such runs"
    ),
    Reason.NO_LONGER: _no_longer,
    Reason.ALREADY_TOLD: _said("nothing: the other run of the same person has said it"),
    Reason.UNKNOWN_CUSTOMER: _said("an identify call before the message is decided on"),
    Reason.ERASED: _said("nothing: an erasure is for good"),
    Reason.RESTRICTED: _restricted,
    Reason.NO_ADDRESS: _address,
    Reason.NO_CONSENT: _consent,
    Reason.OPTED_OUT: _consent,
    Reason.TOO_LATE: _too_late,
    Reason.QUIET_HOURS: _rule,
    Reason.WINDOW: _rule,
    Reason.SNOOZED: _said(
        "the end of the break: customers end it on their preference page, or it ends by itself"
    ),
    Reason.IN_CARE: _in_care,
    Reason.CAP: _cap,
    Reason.GAVE_WAY: _gave_way,
    Reason.NOTHING_TO_SAY: _said("its template says when it declines (`sojourn preview` shows it)"),
    Reason.NOTHING_LEFT: _said("a product that is left: not bought, not taken out, in stock"),
    Reason.TEMPLATE: _said("a template that renders; `sojourn preview` tries it"),
    Reason.SUPPRESSED: _suppressed,
    Reason.INVALID_ADDRESS: _said("an identify call with an address that exists"),
    Reason.WINDOW_CLOSED: _said(
        "an approved template, or a message of the customer's in the 24 hours before"
    ),
    Reason.REFUSED: _said("the provider's words say what it objects to"),
    Reason.OTHER_CHANNEL: _said("nothing: it leaves by the other channel"),
    Reason.PAUSED: _paused,
    Reason.HELD_BACK: _held_back,
    Reason.ONLY_TO: _said("an address that SOJOURN_ONLY_TO allows, or another installation"),
    Reason.ASKED_ENOUGH: _said("the next day, if they ask again"),
    Reason.NO_COUPON: _said(
        "a free code in its pool: `sojourn coupon list` shows them, `import` and `make` add some"
    ),
    Reason.RAMP: _said("the budget of a later day; `sojourn ramp show` has the domain's steps"),
    Reason.HELD_OUT: _said("nothing: a control group is compared with the others"),
    Reason.NOT_QUALIFIED: _not_qualified,
    Reason.CAME_AGAIN: _came_again,
    Reason.ENOUGH_RUNS: _enough,
    Reason.TOO_MANY_REQUESTS: _requests,
    Reason.OLD_NEWS: _said("an event that happens after what the journey has written"),
}


_OF_CAMPAIGNS: Mapping[Reason, Callable[[Matter, Facts, Terms], str]] = {
    Reason.GOAL_REACHED: _goal_of_campaign,
    Reason.RUN_STOPPED: _campaign_stopped,
    Reason.HELD_BACK: _campaign_held,
    Reason.ALREADY_TOLD: _said(
        "nothing: the same person, or the same address, has it from this campaign"
    ),
    Reason.TEMPLATE: _tried,
    Reason.NOTHING_TO_SAY: _said(
        "its template says when it declines (`sojourn campaign test --as CUSTOMER` tries it)"
    ),
}
"""The remedies for campaigns that differ from those for runs."""
