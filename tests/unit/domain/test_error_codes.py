"""A provider's error may be told by its kind and its code, and by no word more."""

import pytest

from sojourn.domain.errors import AccountError, RateLimited


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (("HTTP 401",), "AccountError, HTTP 401"),
        (("HTTP 422", 405), "AccountError, HTTP 422 405"),
        (("HTTP 400", "AccountSuspended"), "AccountError, HTTP 400 AccountSuspended"),
        ((550, "5.7.1"), "AccountError, 550 5.7.1"),
        ((), "AccountError"),
        (("HTTP 422", None), "AccountError, HTTP 422"),
        (("ada@shop.example",), "AccountError"),
        (("HTTP 400", "+393201234567"), "AccountError, HTTP 400"),
        (("HTTP 400", "393201234567"), "AccountError, HTTP 400"),
        (("HTTP 400", "x" * 41), "AccountError, HTTP 400"),
        (("HTTP 400", "zażółć"), "AccountError, HTTP 400"),
    ],
)
def test_a_code_is_told_and_nothing_that_looks_like_more(
    parts: tuple[object, ...], told: str
) -> None:
    assert AccountError("said by ada@shop.example").coded(*parts).told == told


def test_an_error_without_a_code_is_told_by_its_kind() -> None:
    assert RateLimited("slow down, ada@shop.example").told == "RateLimited"
