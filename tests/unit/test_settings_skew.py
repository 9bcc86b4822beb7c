"""The tolerance for senders' clocks, as it is written."""

from datetime import timedelta

import pytest

from sojourn.domain.errors import BadSetting
from sojourn.settings import Settings, load_settings


def test_the_clocks_of_two_senders_may_differ_by_five_minutes() -> None:
    assert Settings().clock_skew == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5m", timedelta(minutes=5)),
        (" 90s ", timedelta(seconds=90)),
        ("1H", timedelta(hours=1)),
        ("24h", timedelta(days=1)),
        ("300", timedelta(minutes=5)),
        ("0", timedelta(0)),
    ],
)
def test_it_is_written_as_a_number_with_a_unit(
    written: str, meant: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_CLOCK_SKEW", written)
    assert load_settings().clock_skew == meant


@pytest.mark.parametrize("written", ["", "5 minutes", "-5m", "PT5M", "1.5h", "25h", "two"])
def test_what_is_no_tolerance_is_one_line_that_names_the_variable(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_CLOCK_SKEW", written)
    with pytest.raises(BadSetting, match="SOJOURN_CLOCK_SKEW="):
        load_settings()
