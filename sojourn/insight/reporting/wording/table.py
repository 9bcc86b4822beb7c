"""`Wording`: all words of a report in one language."""

from collections.abc import Mapping
from dataclasses import dataclass

from sojourn.domain.measuring.attribution import Model
from sojourn.insight.reporting.brought import Standing, Verdict
from sojourn.insight.reporting.figures import By

Counted = Mapping[str, str]
"""Sentences by the plural forms of the language, ``one``, ``few``, ``many``, ``other``; ``{n}`` is
the number."""


@dataclass(frozen=True)
class Unit:
    """Days, weeks or months.

    Args:
        title: above the drawing.
        head: of their column.
        summary: of the table that opens.
        region: the name of that table, with the part's ``{name}``.
        caption: above it.
    """

    title: str
    head: str
    summary: str
    region: str
    caption: str


@dataclass(frozen=True)
class Split:
    """A table by a column of the figures.

    Args:
        title: above the table.
        head: of its first column.
        region: its name, with the part's ``{name}``.
        caption: above it, with the ``{model}``.
        empty: the name of the group that the column is empty for.
    """

    title: str
    head: str
    region: str
    caption: str
    empty: str


@dataclass(frozen=True)
class Rate:
    """A table of variants by one rate.

    Args:
        head: of its column.
        region: its name, with the part's ``{name}``.
        caption: above it, with the ``{first}`` variant.
    """

    head: str
    region: str
    caption: str


@dataclass(frozen=True)
class Brought:
    """The words for what an experiment has brought; ``{whose}`` and ``{name}`` say which.

    Args:
        title: of an experiment.
        against_held_out: of the control group of a journey.
        against_all_held_out: of the installation's control group.
        about: the customers that are counted.
        young: those who still have time.
        uneven: the warning that no figure can be trusted.
        bought_region: the name of the table of buyers.
        bought_caption: above it, with the ``{base}``.
        customers: the head of a column.
        bought: likewise.
        any_day: likewise.
        in_all: likewise.
        paid_region: the name of the table of money.
        paid_caption: above it.
        paid: the head of a column.
        life_title: above the curves, with the ``{currency}``.
        life_summary: of the table that opens, with ``{variant}`` and ``{base}``.
        life_region: its name.
        life_caption: above it.
        months: the head of a column.
    """

    title: str
    against_held_out: str
    against_all_held_out: str
    about: str
    young: Counted
    uneven: str
    bought_region: str
    bought_caption: str
    customers: str
    bought: str
    any_day: str
    in_all: str
    paid_region: str
    paid_caption: str
    paid: str
    life_title: str
    life_summary: str
    life_region: str
    life_caption: str
    months: str


@dataclass(frozen=True)
class Wording:
    """All words of a report. What stands in braces is filled in.

    Args:
        percent: how a share is written, in Unicode's pattern, with ``{digits}``.
        day: the style of a day in a sentence: ``long``, or ``full`` with its weekday.
        extent: a figure with its bounds.
        title: of the page.
        since: the head of a report since a day.
        whole: the head of a report of all days.
        uncounted: the changes that are not counted yet.
        parts: the name of the list of journeys and campaigns.
        nothing_title: above an empty report.
        nothing: an empty report.
        all_together: the title of the sum.
        measures: the heads of columns, by measure.
        revenue: the name of a sum of money, with its ``{currency}``.
        revenue_without: that of money without a currency.
        why_title: above the reasons.
        held: the messages that were held.
        not_left: the messages that did not leave.
        holds: the name of the table of holds.
        holds_caption: above it.
        reasons: the name of the table of what did not leave.
        reasons_caption: above it.
        reason: the head of a column.
        messages: likewise.
        orders_title: above orders and revenue.
        orders_caption: above the table, with the ``{model}``.
        part: the head of a column.
        currency: likewise.
        no_order: in place of the table.
        mailboxes_title: above mailbox providers.
        mailboxes_about: how they are judged.
        mailboxes_region: the name of their table.
        mailboxes_caption: above it.
        mailbox: the head of a column.
        verdict: likewise.
        verdicts: on a mailbox provider: ``few``, ``within``, ``bounced``, ``complained``, ``both``.
        journey: a kind of part.
        campaign: likewise.
        way_title: above the waterfall.
        way_region: its name, with the part's ``{name}``.
        way_of_runs: above it, where runs enter.
        way_of_customers: above it, where customers enter.
        came_to: the head of a column.
        number: likewise.
        share: likewise.
        of: a share of a stage, by that: ``due``, ``sent``.
        labels: of the bars of a waterfall.
        abouts: explanations of bars.
        machines: that of a bar that machines have part in, with ``{n}``.
        units: by ``day``, ``week`` and ``month``.
        variants: the title.
        variant: the head of a column.
        difference: likewise.
        rates: the tables of variants, by measure.
        told: words for a difference.
        once: a word for a difference that does not hold on any day, with the ``{verdict}``.
        standings: words for a side in all.
        standings_held_out: those that differ where the other side got nothing.
        brought: the words for experiments.
        splits: the tables by column.
        models: the rules that divide orders among messages.
        no_value: orders that have none.
        no_currency: written after an amount without one.
        too_few_paid: why there is no interval, with ``{paid}`` and ``{needed}``.
        too_early: likewise, with ``{customers}`` and ``{needed}``.
        too_early_until: likewise, with the ``{moment}``.
        made_by: at the end, with the ``{command}``.
    """

    percent: str
    day: str
    extent: str
    title: str
    since: str
    whole: str
    uncounted: Counted
    parts: str
    nothing_title: str
    nothing: str
    all_together: str
    measures: Mapping[str, str]
    revenue: str
    revenue_without: str
    why_title: str
    held: Counted
    not_left: Counted
    holds: str
    holds_caption: str
    reasons: str
    reasons_caption: str
    reason: str
    messages: str
    orders_title: str
    orders_caption: str
    part: str
    currency: str
    no_order: str
    mailboxes_title: str
    mailboxes_about: str
    mailboxes_region: str
    mailboxes_caption: str
    mailbox: str
    verdict: str
    verdicts: Mapping[str, str]
    journey: str
    campaign: str
    way_title: str
    way_region: str
    way_of_runs: str
    way_of_customers: str
    came_to: str
    number: str
    share: str
    of: Mapping[str, str]
    labels: Mapping[str, str]
    abouts: Mapping[str, str]
    machines: str
    units: Mapping[str, Unit]
    variants: str
    variant: str
    difference: str
    rates: Mapping[str, Rate]
    told: Mapping[Verdict, str]
    once: str
    standings: Mapping[Standing, str]
    standings_held_out: Mapping[Standing, str]
    brought: Brought
    splits: Mapping[By, Split]
    models: Mapping[Model, str]
    no_value: str
    no_currency: str
    too_few_paid: str
    too_early: str
    too_early_until: str
    made_by: str
