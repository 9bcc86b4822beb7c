"""Facts about the messages of a campaign: who had one, who clicked, who did what it was for.

A campaign is named by the id of one launch: ``spring-offer``, or ``newsletter@2026-12-07`` with the
occasion if it has several.
"""

from collections.abc import Iterator
from typing import Literal

from sojourn.domain.facts.kept import Kept
from sojourn.domain.facts.nodes import AllOf, Fact, OfCampaign
from sojourn.domain.facts.walking import leaves
from sojourn.domain.list_name import is_list_name
from sojourn.domain.messages import Channel

MEASURED = (Channel.EMAIL,)
"""The channels by which clicks are measured: of others nobody knows who did not click."""


def received(campaign: str) -> Fact:
    """Return the fact that the customer's message of a campaign was accepted by a provider.

    It is unknown while the message is in doubt or being handed over, and fails for everybody else:
    customers who were skipped, refused, or not in the campaign.

    Args:
        campaign: its name, with ``@`` and the occasion if it has one: "newsletter@2026-12-07".

    Raises:
        TypeError: it is not such a name.
    """
    return _asked("received", campaign)


def clicked(campaign: str) -> Fact:
    """Return the fact that the customer followed a link in their message of a campaign.

    It is unknown for a message whose clicks are not measured, such as a text message.

    Args:
        campaign: as for `received`.

    Raises:
        TypeError: it is not such a name.
    """
    return _asked("clicked", campaign)


def reached_goal(campaign: str) -> Fact:
    """Return the fact that the customer has done what a campaign was for, since it was frozen.

    The goals are those that the campaign was launched with. It holds or fails, and is never
    unknown; of a campaign without goals it never holds.

    Args:
        campaign: as for `received`.

    Raises:
        TypeError: it is not such a name.
    """
    return _asked("reached", campaign)


def did_not_react(campaign: str) -> Fact:
    """Return the fact that the customer had a campaign's message, and neither clicked nor bought.

    It is `received`, and neither `clicked` nor `reached_goal`: opens do not count.

    Args:
        campaign: as for `received`.

    Raises:
        TypeError: it is not such a name.
    """
    return received(campaign) & ~clicked(campaign) & ~reached_goal(campaign)


def campaigns_of(fact: Fact) -> set[str]:
    """Return the ids of the campaigns that a fact asks about."""
    return {leaf.campaign for leaf in _of_campaigns(fact)}


@Kept
def asked_of_campaigns(fact: Fact) -> frozenset[OfCampaign]:
    """Return what a fact asks about campaigns."""
    return frozenset(_of_campaigns(fact))


def followed(fact: Fact) -> tuple[str, ...]:
    """Return the ids of the campaigns that a fact follows: it asks who had their messages."""
    return tuple(sorted({o.campaign for o in _of_campaigns(fact) if o.asks == "received"}))


def asks_for_clicks(fact: Fact) -> set[str]:
    """Return the ids of the campaigns whose clicks a fact asks about."""
    return {leaf.campaign for leaf in _of_campaigns(fact) if leaf.asks == "clicked"}


def still(fact: Fact) -> Fact | None:
    """Return the part of a fact that must still hold when a message leaves, after the freeze.

    That is what the fact says of other campaigns: between freeze and message somebody may have
    clicked.

    Args:
        fact: the question of a campaign's audience.

    Returns:
        The parts of it that are about campaigns alone; None if it asks about no clicks or goals.
    """
    if all(leaf.asks == "received" for leaf in _of_campaigns(fact)):
        return None
    parts = fact.parts if isinstance(fact, AllOf) else (fact,)
    kept = tuple(
        part for part in parts if all(isinstance(leaf, OfCampaign) for leaf in leaves(part))
    )
    if len(kept) > 1:
        return AllOf(parts=kept)
    return kept[0] if kept else None


def _of_campaigns(fact: Fact) -> Iterator[OfCampaign]:
    return (leaf for leaf in leaves(fact) if isinstance(leaf, OfCampaign))


def _asked(asks: Literal["received", "clicked", "reached"], campaign: str) -> Fact:
    name, at, occasion = campaign.partition("@") if isinstance(campaign, str) else ("", "", "")
    if not is_list_name(name) or bool(at) != bool(occasion):
        called = "reached_goal" if asks == "reached" else asks
        raise TypeError(
            f'{called} takes the name of a campaign, such as "spring-offer" or '
            f'"newsletter@2026-12-07", and {campaign!r} is none'
        )
    return OfCampaign(asks=asks, campaign=campaign)
