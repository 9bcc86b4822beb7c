"""Show a report in a terminal, with bars; as JSON; or in a file."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sojourn.cli.experimenting import plain_brought, show_brought
from sojourn.cli.output import show_line, show_list
from sojourn.domain.errors import BadInput
from sojourn.insight.reporting.figures import By, Group, Money, Part, Report
from sojourn.insight.reporting.page import page
from sojourn.insight.reporting.rates import compared, judged
from sojourn.insight.reporting.speech import ENGLISH
from sojourn.insight.reporting.trend import trend
from sojourn.insight.reporting.waterfall import Bar, Kind, waterfall

WIDE = 40
"""The characters of a whole bar."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = " ▁▂▃▄▅▆▇█"


def show_report(report: Report) -> None:
    """Print a report for people."""
    since = f"due since {report.asked.since}" if report.asked.since else "of all days"
    at = report.at.astimezone(report.asked.tz)
    show_line(f"Messages {since}, as counted at {at:%Y-%m-%d %H:%M} ({report.asked.tz.key}).")
    model = report.asked.model
    show_line(f"Orders are credited to {ENGLISH.model(model)} (model: {model.value}).")
    if report.uncounted:
        show_line(f"{report.uncounted} changes are not counted yet.", style="yellow")
    if not report.parts:
        show_line("No message was due and nobody entered in this time.")
        return
    for part in report.parts:
        _show_part(part, report, at.date())
    show_brought(report.brought)
    if report.mailboxes:
        show_line("")
        show_line("Deliverability by mailbox provider", style="bold")
        _show_mailboxes(report.mailboxes)
    for title, whys in (
        ("Held at least once, and why", report.whole.why_held),
        ("Not sent, and why", report.whole.whys),
    ):
        if whys:
            show_line("")
            show_line(title, style="bold")
            show_list(
                ("reason", "messages", "because"),
                ((reason, number, ENGLISH.why(reason)) for reason, number in whys),
            )


def write_page(found: Report, shop: str, file: Path, lang: str) -> None:
    """Write a report to a file, as a page.

    Args:
        found: the report.
        shop: the name of the shop.
        file: the file; an existing one is replaced.
        lang: the language of the page.

    Raises:
        BadInput: it cannot be written.
    """
    try:
        file.write_text(page(found, shop, lang), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write {file}: {error.strerror}") from None


def block(number: int, start: int, most: int) -> str:
    """Draw a bar of blocks.

    Args:
        number: the length of the bar.
        start: the start of the bar.
        most: the length of the whole line.

    Returns:
        The bar behind its spaces.
    """
    if most <= 0 or number <= 0:
        return ""
    before = min(round(WIDE * start / most), WIDE - 1)
    eighths = max(round(WIDE * 8 * number / most), 1)
    whole, rest = divmod(min(eighths, (WIDE - before) * 8), 8)
    return " " * before + "█" * whole + (_EIGHTHS[rest] if rest else "")


def sparks(numbers: Iterable[int]) -> str:
    """Draw numbers as columns one character wide; any above 0 is visible."""
    every = list(numbers)
    most = max(every, default=0)
    if not most:
        return " " * len(every)
    return "".join(_LEVELS[max(round(8 * one / most), 1) if one else 0] for one in every)


def plain(report: Report) -> dict[str, Any]:
    """Return a report as JSON values, for programs."""
    return {
        "at": report.at,
        "uncounted": report.uncounted,
        "timezone": report.asked.tz.key,
        "since": report.asked.since or None,
        "by": report.asked.by,
        "model": report.asked.model,
        "all": _plain(report.whole),
        "parts": [
            {
                "kind": "campaign" if part.is_campaign else "journey",
                **_plain(part.whole),
                "waterfall": [
                    {"label": one.label, "kind": one.kind, "number": one.number}
                    for one in waterfall(part.whole, is_campaign=part.is_campaign)
                ],
                "by": [_plain(one) for one in part.groups],
                "days": [_plain(one) for one in part.days],
                "variants": [
                    {
                        **_plain(one.group),
                        **{
                            f"{name}_{kind}": value and asdict(value)
                            for name, kind, value in (
                                ("clicked", "share", one.clicked),
                                ("converted", "share", one.converted),
                                ("clicked", "difference", one.clicked_more),
                                ("converted", "difference", one.converted_more),
                            )
                        },
                    }
                    for one in compared(part.variants)
                ],
                "experiments": [plain_brought(one) for one in part.brought],
            }
            for part in report.parts
        ],
        "experiments": [plain_brought(one) for one in report.brought],
        "mailboxes": [
            {**_plain(box.group), "verdict": ENGLISH.box(box)} for box in judged(report.mailboxes)
        ],
    }


def _show_part(part: Part, report: Report, today: date) -> None:
    show_line("")
    show_line(f"{part.name} ({'campaign' if part.is_campaign else 'journey'})", style="bold")
    whole = part.whole
    bars = waterfall(whole, is_campaign=part.is_campaign)
    counts = whole.counts
    most = max(counts.entered, counts.due, counts.sent)
    wide = max(len(_label(one)) for one in bars)
    for one in bars:
        sign = "-" if one.kind is Kind.LOSS else ""
        drawn = block(one.number, one.start, most)
        show_line(
            f"  {_label(one):<{wide}}  {sign + f'{one.number:,}':>11}  {_share(one):<18}  "
            f"{drawn}".rstrip()
        )
    unit, row = trend(part.days, report.asked.since, today.isoformat())
    if len(row) > 1:
        show_line(f"  sent by {unit}, {row[0].name} to {row[-1].name}:")
        show_line(f"  {sparks(one.counts.sent for one in row)}")
    for money in whole.money:
        revenue = ENGLISH.amount(money.amount, money.currency)
        show_line(f"  orders: {ENGLISH.orders(money.number)}, {revenue}")
    if part.variants:
        show_line("")
        _show_variants(part)
    show_brought(part.brought)
    groups = [one for one in part.groups if one.counts.due]
    if len(groups) > 1 or (groups and groups[0].name and report.asked.by is not By.DAY):
        show_line("")
        _show_groups(report.asked.by, groups)


def _label(one: Bar) -> str:
    return one.label if one.kind in (Kind.STAGE, Kind.GOAL) else f"  {one.label}"


def _share(one: Bar) -> str:
    return f"{one.share} {one.of}" if one.share else ""


def _show_groups(by: By, groups: list[Group]) -> None:
    show_list(
        (by.value, "due", "held", "not sent", "sent", "delivered", "clicked", "converted",
         "orders", "revenue"),
        (
            (
                ENGLISH.named(by, one.name), c.due, c.held, c.not_sent, c.sent, c.delivered,
                c.clicked, c.converted,
                ", ".join(ENGLISH.orders(money.number) for money in one.money),
                ", ".join(ENGLISH.amount(money.amount, money.currency) for money in one.money),
            )
            for one in groups
            for c in (one.counts,)
        ),
    )  # fmt: skip


def _show_variants(part: Part) -> None:
    first = part.variants[0].name
    show_list(
        ("variant", "sent", "clicked", f"more than {first}", "converted", f"more than {first}"),
        (
            (
                one.group.name,
                one.group.counts.sent,
                ENGLISH.interval(one.clicked),
                _more(one.clicked_more),
                ENGLISH.interval(one.converted),
                _more(one.converted_more),
            )
            for one in compared(part.variants)
        ),
    )


def _more(value: Any) -> str:
    return f"{ENGLISH.interval(value, signed=True)} {ENGLISH.told(value)}".rstrip() if value else ""


def _show_mailboxes(mailboxes: tuple[Group, ...]) -> None:
    show_list(
        ("mailboxes", "sent", "delivered", "bounced", "complained", "clicked", "verdict"),
        (
            (
                box.group.name,
                box.group.counts.sent,
                box.group.counts.delivered,
                f"{box.group.counts.bounced}: {ENGLISH.interval(box.bounced)}",
                f"{box.group.counts.complained}: {ENGLISH.interval(box.complained)}",
                box.group.counts.clicked,
                ENGLISH.box(box),
            )
            for box in judged(mailboxes)
        ),
    )


def _plain(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "counts": asdict(group.counts),
        "reasons": dict(group.whys),
        "holds": dict(group.why_held),
        "revenue": [_credited(one) for one in group.money],
    }


def _credited(money: Money) -> dict[str, str | None]:
    return {
        "currency": money.currency or None,
        "orders": _exact(money.number),
        "value": _exact(money.amount),
    }


def _exact(value: Decimal) -> str:
    return f"{value:f}"
