"""Trials of a campaign's words: whether they render in each language of the project."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import BaseModel

from sojourn.domain.campaign_plan import CampaignPlan
from sojourn.domain.content import Content
from sojourn.domain.coupons import Pools
from sojourn.domain.customer import Customer
from sojourn.domain.errors import NothingToSay, TemplateError
from sojourn.domain.messages import Channel, Delivery
from sojourn.insight.campaign_looking import Going
from sojourn.rendering.languages import fallbacks, language
from sojourn.rendering.render import Renderer
from sojourn.sending.drafting import context_of
from sojourn.sending.specimens import specimen

EACH = 20
"""The most customers that a message is rendered for in each language."""
_NOBODY = Customer("nobody", known=True)


class Fault(BaseModel):
    """A fault of a template, and the number of customers in the sample that it affects."""

    text: str
    customers: int


class InLanguage(BaseModel):
    """The words of a campaign in one language, by one channel.

    Args:
        variant: the variant; empty if there are none.
        language: the language, as the project declares it.
        channel: the channel.
        rendered: the number of customers that it was rendered for.
        declined: the number of customers that the template had nothing to say to.
        faults: why it cannot be rendered for others.
    """

    variant: str = ""
    language: str
    channel: Channel
    rendered: int
    declined: int
    faults: list[Fault]


class Readers:
    """Customers to try the words with: some of each language, and some of any."""

    def __init__(self) -> None:
        self._by_language: dict[str, list[Going]] = {}

    def add(self, one: Going) -> None:
        """Add a customer, unless there are enough of the language."""
        readers = self._by_language.setdefault(language(one.customer.locale).lower(), [])
        if len(readers) < EACH:
            readers.append(one)

    def of(self, tag: str) -> list[Going]:
        """Return readers of a language, filled up with others if there are too few."""
        own = self._by_language.get(language(tag).lower(), [])
        others = (one for each in self._by_language.values() for one in each if one not in own)
        return [*own, *others][:EACH]


def tried(
    renderer: Renderer,
    plan: CampaignPlan,
    languages: Sequence[str],
    readers: Readers,
    *,
    pools: Pools,
    now: datetime,
) -> list[InLanguage]:
    """Render a campaign's message for a sample, in each variant and each language.

    If the sample is empty, it is rendered for an unknown customer.

    Args:
        renderer: the renderer, whose links open nothing.
        plan: the campaign's plan.
        languages: the languages that the project declares.
        readers: the sample.
        pools: the project's pools of coupons.
        now: the moment.

    Returns:
        The words by variant, language and channel.
    """
    found: list[InLanguage] = []
    for variant in plan.variants:
        for tag in languages:
            for channel in plan.channels:
                sample: Iterable[tuple[Delivery, Customer, str]] = [
                    (plan.worded(one.delivery, variant), one.customer, one.timezone)
                    for one in readers.of(tag)
                ] or [(_to_nobody(plan, channel, now, variant), _NOBODY, plan.model.timezone)]
                one = InLanguage(
                    variant=variant,
                    language=tag,
                    channel=channel,
                    rendered=0,
                    declined=0,
                    faults=[],
                )
                found.append(_tried(one, renderer, sample, pools=pools, now=now))
    return found


def _tried(
    words: InLanguage,
    renderer: Renderer,
    sample: Iterable[tuple[Delivery, Customer, str]],
    *,
    pools: Pools,
    now: datetime,
) -> InLanguage:
    """Return the words of one language with the counts of a sample."""
    tag, rendered, declined = words.language, 0, 0
    faults: Counter[str] = Counter()
    for delivery, customer, timezone in sample:
        reader = replace(customer, locale=_own_or(tag, customer.locale))
        try:
            said = words_for(
                renderer,
                delivery,
                reader,
                words.channel,
                timezone=timezone,
                pools=pools,
                now=now,
            )
        except NothingToSay:
            declined += 1
        except TemplateError as error:
            faults[str(error)] += 1
        else:
            rendered += 1
            if said.locale not in fallbacks((tag,)):
                faults[f"{_stem(said.template)}.{tag}: not there; {said.locale} goes"] += 1
    return words.model_copy(
        update={
            "rendered": rendered,
            "declined": declined,
            "faults": [Fault(text=text, customers=n) for text, n in faults.most_common()],
        }
    )


def words_for(
    renderer: Renderer,
    delivery: Delivery,
    customer: Customer,
    channel: Channel,
    *,
    timezone: str,
    pools: Pools,
    now: datetime,
) -> Content:
    """Render a campaign's message for a customer; nothing is measured, and no code is used up.

    Args:
        renderer: renders the message.
        delivery: the message.
        customer: the person it addresses.
        channel: the channel by which it goes.
        timezone: the customer's time zone, an IANA name.
        pools: the project's pools of coupons.
        now: the moment.

    Returns:
        The content that the customer would read.

    Raises:
        TemplateError: it cannot be rendered.
        NothingToSay: its template declined.
    """
    claim = specimen(
        delivery, customer, channel, address="", timezone=timezone, pools=pools, now=now
    )
    return renderer.render(context_of(delivery, claim, reference=""), channel)


def _to_nobody(plan: CampaignPlan, channel: Channel, now: datetime, variant: str) -> Delivery:
    return plan.delivery(
        _NOBODY.customer_id, due=now, now=now, lane=channel, start=(now, 0), variant=variant
    )


def _own_or(tag: str, locale: str) -> str:
    """Return the reader's own locale, with its region, if it is of the language."""
    return locale if locale and language(locale) == tag else tag


def _stem(template: str) -> str:
    return template.rpartition(".")[0]
