"""Re-entry is counted in the customer's calendar days, from the begin of the last run."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn import ALWAYS, ONCE, after
from sojourn.domain.again import Again, Begun
from sojourn.domain.calendar import zone

ROME = zone("Europe/Rome")
MAY_2 = datetime(2026, 5, 2, 9, tzinfo=UTC)
HAD = [Begun("a", MAY_2)]


def refused(rule: Again, at: datetime, *, begun: list[Begun] = HAD, key: str = "b") -> str | None:
    return rule.refuses(begun, at, key, ROME)


def test_everybody_enters_who_has_no_run_to_look_back_on() -> None:
    assert refused(ONCE, MAY_2, begun=[]) is None
    assert refused(ALWAYS, MAY_2) is None


def test_once_is_once_for_good() -> None:
    says = "had a run that began on 2 May 2026; one is all"
    assert refused(ONCE, MAY_2 + timedelta(days=4000)) == says


def test_the_day_counts_and_not_the_hours() -> None:
    rule = after(days=30)
    says = "had a run that began on 2 May 2026; after 30 days: 1 June 2026"
    assert refused(rule, datetime(2026, 5, 31, 21, 59, tzinfo=UTC)) == says
    assert refused(rule, datetime(2026, 5, 31, 22, 0, tzinfo=UTC)) is None  # midnight in Rome
    assert refused(after(days=1), MAY_2 + timedelta(hours=23)) is None


def test_a_month_on_is_the_same_day() -> None:
    had = [Begun("", datetime(2026, 2, 15, 12, tzinfo=UTC))]
    month = datetime(2026, 3, 15, 7, tzinfo=UTC)
    assert refused(after(months=1), month, begun=had) is None
    assert "17 March" in str(refused(after(days=30), month, begun=had))
    last = [Begun("", datetime(2026, 1, 31, 12, tzinfo=UTC))]
    assert refused(after(months=1), datetime(2026, 2, 28, 7, tzinfo=UTC), begun=last) is None


def test_the_newest_run_counts_and_what_happened_before_it_is_too_soon() -> None:
    had = [*HAD, Begun("a", MAY_2 + timedelta(days=40))]
    assert refused(after(days=30), MAY_2 + timedelta(days=45), begun=had)
    assert refused(after(days=30), MAY_2 - timedelta(days=90))


def test_by_key_the_runs_of_other_keys_do_not_count() -> None:
    assert refused(ONCE.per_key, MAY_2) is None
    assert refused(ONCE.per_key, MAY_2, key="a") == (
        "had a run that began on 2 May 2026; one is all for this key"
    )
    assert str(after(days=1).per_key) == "after 1 day for each key"


@pytest.mark.parametrize(
    "given",
    [{}, {"days": 0}, {"days": -1}, {"days": 1.5}, {"days": True}, {"days": 1, "months": 1},
     {"days": 9999}, {"months": 200}, {"days": "30"}],
)  # fmt: skip
def test_a_span_that_is_none_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"after\(days=30\)"):
        after(**given)
