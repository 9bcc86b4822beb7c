"""`prices.toml`: the longest beginning counts, a provider's own first; nothing is made up."""

import tomllib
from decimal import Decimal

import pytest

from sojourn.domain.errors import BadInput
from sojourn.domain.prices import SegmentPrice, read_prices

FILE = """
[sms]
currency = "EUR"
"+39" = "0.0749"
"+3933" = 0.06
"+48" = "0.03"

[sms.twilio]
currency = "USD"
"+39" = "0.0927"
"""


def test_the_longest_beginning_counts_and_a_providers_own_prices_come_first() -> None:
    prices = read_prices(tomllib.loads(FILE))
    assert prices.of("+393331234567", "vonage") == SegmentPrice("+3933", Decimal("0.06"), "EUR")
    assert prices.of("+393201234567", "vonage") == SegmentPrice("+39", Decimal("0.0749"), "EUR")
    assert prices.of("+393331234567", "twilio") == SegmentPrice("+39", Decimal("0.0927"), "USD")
    assert prices.of("+48601234567", "twilio") == SegmentPrice("+48", Decimal("0.03"), "EUR")
    assert prices.of("+15005550006", "twilio") is None


def test_without_a_file_there_is_no_price() -> None:
    assert read_prices({}).of("+393331234567", "twilio") is None


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ('[text]\n"+39" = 1', "text: no such table"),
        ("sms = 1", "sms: is not a table"),
        ('[sms]\n"+39" = 1', "sms.currency: must be three capitals"),
        ('[sms.twilio]\ncurrency = "euro"\n"+39" = 1', "sms.twilio.currency: must be"),
        ('[sms]\ncurrency = "EUR"\n"39" = 1', 'sms."39": must be the beginning of a number'),
        ('[sms]\ncurrency = "EUR"\n"+39" = "cheap"', 'sms."+39": is not a price'),
        ('[sms]\ncurrency = "EUR"\n"+39" = -1', 'sms."+39": is not a price'),
        ('[sms]\ncurrency = "EUR"\n"+39" = nan', 'sms."+39": is not a price'),
        ('[sms]\ncurrency = "EUR"\n"+39" = true', 'sms."+39": is not a price'),
    ],
)
def test_a_fault_is_one_line_that_names_the_entry(file: str, fault: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_prices(tomllib.loads(file))
    assert str(raised.value).startswith(fault)
