"""`Project`: what a company writes, composed once and passed on.

A project is a folder: journeys in ``workflows/``, what they call in ``activities/``,
audiences in ``audiences/``, campaigns in ``starter/campaigns/``, events in ``events.py``,
words in ``templates/``, providers in ``channels/``, topics that customers can say no to in
``topics.toml``, pools of codes in ``coupons.toml``, and what must never be in ``invariants.py``.
``[tool.sojourn]`` in its ``pyproject.toml`` says what differs::

    [tool.sojourn]
    journeys = ["workflows", "acme_journeys"]  # folders or installed packages
    languages = ["en", "de"]
    off = ["renewal"]
    shadow = ["abandoned-cart-2"]  # runs beside the live ones, and nothing of it leaves

    [tool.sojourn.synonyms.events]
    "Purchase" = "Order Completed"  # a sender's own name of an event

    [tool.sojourn.defaults]
    shop_name = "Acme"  # a setting, where the environment says nothing
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from sojourn.channels.registry import Carriers
from sojourn.domain.audience import Audiences
from sojourn.domain.campaign import Campaigns
from sojourn.domain.coupons import Pools
from sojourn.domain.events import SHIPPED, Events, Use
from sojourn.domain.invariants import Invariant
from sojourn.domain.prices import Prices
from sojourn.domain.ramp_file import Ramps
from sojourn.domain.topics import Topics
from sojourn.journeys.activities import Activity
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names

LANGUAGES = ("en",)
POLICY = "policy.toml"

Places = tuple[Annotated[str, Field(min_length=1)], ...]


class SynonymTable(BaseModel):
    """``[tool.sojourn.synonyms]`` of a ``pyproject.toml``.

    Args:
        events: names that senders give events, and the wire names that they mean.
        fields: names that senders give fields, and the fields that they mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: dict[str, str] = {}
    fields: dict[str, str] = {}


class Declaration(BaseModel):
    """``[tool.sojourn]`` of a ``pyproject.toml``.

    Args:
        journeys: folders of the project, or installed packages.
        activities: as ``journeys``.
        audiences: as ``journeys``.
        campaigns: as ``journeys``.
        events: modules or packages; files beside them whose names begin alike count as well.
        channels: folders or packages of the project's own providers.
        sources: folders or packages of the project's own sources of webhooks.
        invariants: modules or folders with what must never be in a customer's story.
        templates: folders, searched in this order before the engine's own.
        policy: the file with the rules on when promotional messages may leave.
        languages: that messages are written in; the first is the language of last resort.
        off: names of journeys that start no run and send nothing.
        shadow: names of journeys that run, and from which nothing leaves.
        synonyms: further names of events and of their fields.
        defaults: settings by their names, where the environment says nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    journeys: Places = ("workflows",)
    activities: Places = ("activities",)
    audiences: Places = ("audiences",)
    campaigns: Places = ("starter/campaigns",)
    events: Places = ("events",)
    channels: Places = ("channels",)
    sources: Places = ("sources",)
    invariants: Places = ("invariants",)
    templates: Places = ("templates",)
    policy: Annotated[str, Field(min_length=1)] = POLICY
    languages: Places = LANGUAGES
    off: tuple[str, ...] = ()
    shadow: tuple[str, ...] = ()
    synonyms: SynonymTable = SynonymTable()
    defaults: dict[str, str | int | float | bool] = {}


@dataclass(frozen=True)
class Project:
    """A company's own journeys, events, activities and templates. Nothing in it changes.

    Args:
        root: its folder.
        journeys: by name, those that are switched off among them.
        events: by wire name, those that ship among them. They are read as these journeys use them.
        activities: what journeys call, by name.
        audiences: questions about all customers, by name.
        campaigns: messages to audiences, by name.
        carriers: the providers that settings can choose.
        sources: the project's own sources of webhooks, by name.
        invariants: what must never be in a customer's story, of all journeys.
        templates: folders, searched in this order before the engine's own.
        policy: the file with the rules on when promotional messages may leave; None: there is none.
        languages: that messages are written in; the first is the language of last resort.
        topics: what customers can say no to, by id; without a ``topics.toml`` any topic is valid.
        coupons: pools of codes, by name.
        prices: of text messages, as far as a ``prices.toml`` names them.
        ramps: the ladders of sending domains, by a ``ramp.toml``.
        defaults: settings by their names, where the environment says nothing.
        modules: names of its packages that hold plain values and activities.
    """

    root: Path = field(default_factory=Path.cwd)
    journeys: Journeys = field(default_factory=Journeys)
    events: Events = field(default_factory=lambda: SHIPPED)
    activities: Mapping[str, Activity[..., Any]] = field(default_factory=dict)
    audiences: Audiences = field(default_factory=Audiences)
    campaigns: Campaigns = field(default_factory=Campaigns)
    carriers: Carriers = field(default_factory=Carriers)
    sources: Mapping[str, type[Any]] = field(default_factory=dict)
    invariants: tuple[Invariant, ...] = ()
    templates: tuple[Path, ...] = ()
    policy: Path | None = None
    languages: tuple[str, ...] = LANGUAGES
    topics: Topics = field(default_factory=Topics)
    coupons: Pools = field(default_factory=Pools)
    prices: Prices = field(default_factory=Prices)
    ramps: Ramps = field(default_factory=Ramps)
    defaults: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    modules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Tell the events what journeys make of them."""
        object.__setattr__(self, "events", self.events.used(_use(self.journeys)))


def _use(journeys: Journeys) -> Use:
    # a journey in shadow makes no event stricter or more lenient for the others
    heard = [(name, one) for name, one in journeys.items() if name not in journeys.shadow]
    every = [(name, journey.terms) for name, journey in heard]
    keyed: dict[str, dict[str, str]] = {}
    for name, terms in every:
        for event in names(terms.starts_on) if terms.key else ():
            keyed.setdefault(event, {})[name] = terms.key
    return Use(
        starts=frozenset(
            event for _, terms in every for event in names((*terms.starts_on, *terms.restarts_on))
        ),
        ends=frozenset(
            event for _, terms in every for event in names((*terms.goal, *terms.ends_on))
        ),
        keys=frozenset(filter(None, (f for _, terms in every for f in (terms.key, terms.part)))),
        parts=frozenset(terms.part for _, terms in every if terms.part),
        keyed=keyed,
    )
