"""The codes that an order names, as Segment, shops and their plugins write them."""

from typing import Any

import pytest

from sojourn.domain.coupon_orders import MOST, codes_in


@pytest.mark.parametrize(
    ("properties", "codes"),
    [
        ({}, ()),
        ({"discount": 5, "coupon": None}, ()),
        ({"coupon": ""}, ()),
        # Segment's own example of Order Completed
        ({"order_id": "50314b8e", "discount": 2.5, "coupon": "hasbros"}, ("HASBROS",)),
        ({"products": [{"product_id": "p", "coupon": "MOUNTAIN"}]}, ("MOUNTAIN",)),
        ({"coupon": "spring-7kq2 mx9r"}, ("SPRING7KQ2MX9R",)),
        ({"coupon": "A-1, B-2"}, ("A1,B2", "A1", "B2")),
        ({"coupon": 7000}, ("7000",)),
        ({"Coupon_Code": "A-1"}, ("A1",)),
        ({"couponCode": "A-1", "promoCode": "B"}, ("A1", "B")),
        ({"coupons": ["A-1", {"code": "B-2"}]}, ("A1", "B2")),
        # Shopify's order
        ({"discount_codes": [{"code": "SPRING30", "amount": "30.00"}]}, ("SPRING30",)),
        # WooCommerce's
        ({"coupon_lines": [{"id": 56, "code": "10off", "discount": "10.00"}]}, ("10OFF",)),
        ({"discounts": [{"voucher_code": "V1", "amount": "2"}]}, ("V1",)),
        ({"coupon": True, "voucher": {"code": {"code": {"code": "deep"}}}}, ()),
        ({"coupon": "A" * 101}, ()),
        ({"products": "none", "coupons": {"name": "x"}}, ()),
    ],
)
def test_codes_are_read_as_senders_write_them(
    properties: dict[str, Any], codes: tuple[str, ...]
) -> None:
    assert codes_in(properties) == codes
    assert codes_in(None, properties) == codes
    assert codes_in(properties, properties) == codes, "each once"


def test_what_was_left_out_of_the_understood_ones_is_read_as_it_was_sent() -> None:
    assert codes_in({"order_id": "o"}, {"coupon": {"code": "A-1"}}) == ("A1",)


def test_an_order_with_a_flood_of_codes_is_read_to_a_bound() -> None:
    flood = {"coupons": [f"C{n}" for n in range(10_000)]}
    assert len(codes_in(flood, {"coupon": ",".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 9)})) == MOST
