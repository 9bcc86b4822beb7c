"""The country and the region where a customer lives."""

from typing import Any

import pytest

from sojourn.domain.countries import home_country
from sojourn.domain.customer import Customer


@pytest.mark.parametrize(
    ("card", "home"),
    [
        ({}, ("", "")),
        ({"phone": "+393201234567"}, ("IT", "")),
        ({"locale": "pl-PL"}, ("PL", "")),
        ({"locale": "pl"}, ("", "")),
        ({"locale": "es-419"}, ("", "")),  # Latin America
        ({"timezone": "Europe/Warsaw"}, ("PL", "")),
        ({"timezone": "UTC"}, ("", "")),
        ({"phone": "+393201234567", "locale": "pl-PL", "timezone": "Asia/Tokyo"}, ("IT", "")),
        ({"locale": "pl-PL", "timezone": "Asia/Tokyo"}, ("PL", "")),
        ({"phone": "+12125550123"}, ("US", "")),  # an area code is no region
        ({"phone": "+80012345678", "locale": "de-AT"}, ("AT", "")),  # of no country
        ({"attributes": {"country": "ch"}, "phone": "+393201234567"}, ("CH", "")),
        ({"attributes": {"country": "Italy"}, "locale": "de-AT"}, ("AT", "")),
        ({"attributes": {"country": "XX"}, "locale": "de-AT"}, ("AT", "")),
        ({"attributes": {"country": "UK"}}, ("GB", "")),
        ({"attributes": {"address": {"country": "DE", "state": "by"}}}, ("DE", "BY")),
        ({"attributes": {"address": {"country": "DE", "state": "DE-BY"}}}, ("DE", "BY")),
        ({"attributes": {"address": {"country": "DE", "state": 3}}}, ("DE", "")),
        ({"attributes": {"address": "Berlin", "region": " be "}, "locale": "de-DE"}, ("DE", "BE")),
        ({"attributes": {"countryCode": "IT", "province": "RM"}}, ("IT", "RM")),
    ],
)
def test_what_is_said_outweighs_what_is_read_from_something_else(
    card: dict[str, Any], home: tuple[str, str]
) -> None:
    assert home_country(Customer("c", **card)) == home
