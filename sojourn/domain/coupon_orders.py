"""The codes that an order names, however its sender writes them."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from sojourn.domain.coupon_codes import LONGEST_CODE, comparable

MOST = 20
"""Codes of one order that are looked at."""
_DEEPEST = 3
_NAMES = frozenset(
    f"{name}{ending}"
    for name in ("coupon", "discount", "promo", "promotion", "voucher")
    for ending in ("code", "codes")
) | {"coupon", "coupons", "couponlines", "discounts", "voucher", "vouchers"}
"""Segment's ``coupon``, and what shops and their plugins write for it, in small letters."""
_INSIDE = _NAMES | {"code"}
_APART = re.compile("[,;|]")


def codes_in(*properties: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the codes that an order and its products name.

    Args:
        properties: of the event, as they were understood, and as they were sent; None: there are
            none.

    Returns:
        The codes, as `comparable` spells them, each once.
    """
    given = [one for one in properties if isinstance(one, Mapping)]
    products = chain.from_iterable(_products(one) for one in given)
    found = chain.from_iterable(_named(one, _NAMES) for one in chain(given, products))
    return tuple(islice(dict.fromkeys(filter(None, map(comparable, found))), MOST))


def _products(order: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    products = order.get("products")
    if isinstance(products, list):
        yield from (one for one in products if isinstance(one, Mapping))


def _named(values: Mapping[str, Any], names: frozenset[str]) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(name, str) and _plain(name) in names:
            yield from _codes(value, _DEEPEST)


def _codes(value: Any, levels: int) -> Iterator[str]:
    if isinstance(value, bool) or not levels:
        return
    if isinstance(value, str | int):
        text = str(value)
        if len(text) <= LONGEST_CODE * MOST:
            yield from (part for part in (text, *_APART.split(text)) if len(part) <= LONGEST_CODE)
    elif isinstance(value, list):
        for one in islice(value, MOST):
            yield from _codes(one, levels - 1)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(name, str) and _plain(name) in _INSIDE:
                yield from _codes(inner, levels - 1)


def _plain(name: str) -> str:
    """Return a name without what senders vary: ``Coupon_Code`` is ``couponcode``."""
    return re.sub("[^a-z]", "", name.lower()) if len(name) <= LONGEST_CODE else ""
