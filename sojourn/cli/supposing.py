"""Show what would have been: two stories of a customer, side by side."""

from sojourn.cli.output import show_line, show_table
from sojourn.insight.backtesting.words import gap_words, left_out_words
from sojourn.insight.what_if.answer import Fate, Unlike, WhatIf
from sojourn.insight.what_if.telling import Happening
from sojourn.journeys.wording import clock

SHOWN = 5
"""The messages that are named which the ledger has otherwise."""


def show_what_if(answer: WhatIf) -> None:
    """Print both stories, and what they are to be read with.

    Args:
        answer: the stories.
    """
    tz = answer.timezone
    show_line(f"What if {', '.join(answer.supposed)}?", style="bold")
    show_line(f"{answer.customer_id}, by the customer's clock ({tz}), until {_at(answer, tz)}")
    for line in gap_words(answer.gaps):
        show_line(line, style="yellow")
    if left_out := left_out_words(answer.left_out):
        show_line(left_out, style="yellow")
    _show_unlike(answer.unlike, tz)
    different = set(answer.different)
    rows = []
    for pair in answer.pairs():
        one = pair[0] or pair[1]
        assert one is not None, "one of the two has it"
        mark = "≠" if one.id in different else ""
        cells = [_cell(each, tz) for each in pair]
        rows.append((mark, one.name, cells[0], cells[1] if mark else "the same"))
    if not rows:
        show_line("no run began, in either story")
        return
    show_table("", ("", "what", "as it was", "if so"), rows)
    number = len(different)
    show_line("1 thing differs" if number == 1 else f"{number or 'no'} things differ")


def _at(answer: WhatIf, tz: str) -> str:
    return clock(answer.until, tz)


def _cell(one: Happening | None, tz: str) -> str:
    return "–" if one is None else f"{clock(one.at, tz)}\n{one.text}"


def _show_unlike(unlike: list[Unlike], tz: str) -> None:
    if not unlike:
        return
    number = "1 message" if len(unlike) == 1 else f"{len(unlike)} messages"
    show_line(
        f"Played as it was, this history comes to something else than the ledger has for {number}: "
        "providers' failures, activities and releases since then are not played",
        style="yellow",
    )
    for one in unlike[:SHOWN]:
        show_line(
            f"  {one.step} of {one.run} by {one.channel}: {_fate(one.ledger, tz)} in the ledger, "
            f"{_fate(one.played, tz)} when played"
        )
    if len(unlike) > SHOWN:
        show_line(f"  and {len(unlike) - SHOWN} more; --json has all of them")


def _fate(one: Fate | None, tz: str) -> str:
    if one is None:
        return "nothing"
    why = f" ({one.reason.value})" if one.reason else ""
    return f"{one.state.value}{why} {clock(one.at, tz)}"
