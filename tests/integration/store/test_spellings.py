"""No spelling of a run's key is left out where a database chooses a customer's events."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import String, bindparam, cast, select

from sojourn.domain import keys
from sojourn.domain.keys import Reach
from sojourn.store import Store, prepared
from sojourn.store.dialects import is_postgresql
from sojourn.store.histories import _are_named, may_spell
from tests.support.effort import fewer

CARTS, PARCELS = Reach(field="cart_id"), Reach(field="order_id", part="tracking_number")
SIGNS = st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs"])
NAMES = st.one_of(
    st.text(st.sampled_from("abcXYZ0129-_.:~!$&'()*+,;=?#%/@ \u200bé\u212a"), max_size=12),
    st.text(SIGNS, max_size=8),
    st.from_regex(r"-?[0-9]{1,6}", fullmatch=True),
    st.uuids().map(str),
    st.emails(),
)
WAYS = st.sampled_from(
    [
        "{}",
        " {} ",
        "{}.0",
        "{}?key=secret",
        "{}%3Fkey%3Dsecret",
        "gid://shopify/Cart/{}",
        "gid://shopify/Cart/{}?key=secret",
        "{{{}}}",
        "\u200b{}",
        "{}//T1",
        "%2F{}",
    ]
)


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """A key, and a text made of it in one or two of the ways in which senders write one."""
    name = draw(NAMES)
    text = name
    for way in draw(st.lists(WAYS, max_size=2)):
        text = way.format(text)
    return name, draw(st.sampled_from([text, text.upper(), text.lower()]))


async def _may_spell(store: Store, key: str, text: str) -> bool:
    async with store.reading() as session:
        said = cast(bindparam("said", text), String)
        about = may_spell(said, postgresql=is_postgresql(session))
        spelt = {"spelt": f"%{keys.core(key)}%"}
        ((answer,),) = await prepared.rows(session, select(about), spelt)
        return bool(answer)


@given(spellings())
@example(("12", "12.0"))
@example(("K", "\u212a"))
@example(("c1", "gid://shopify/Cart/c1?key=x"))
@example(("c1", "Z2lkOi8vc2hvcGlmeS9DYXJ0L2Mx"))
@example(("Zed", "%5Aed"))
@example(("x_y", "x_y"))
@fewer(4)
async def test_what_is_about_the_key_is_never_left_out(
    store: Store, spelt: tuple[str, str]
) -> None:
    name, text = spelt
    for reach in (CARTS, PARCELS):
        key = str(reach.said("Order Shipped", {reach.field: name}.get) or "")
        of_key = reach.is_of(key, text) or reach.thing(text) == reach.thing(key)
        if of_key:
            assert await _may_spell(store, reach.thing(key), text), (key, text)


@pytest.mark.parametrize("text", ["13", "gid://shopify/Cart/13?key=x", "c-13", "1 3"])
async def test_other_keys_are_left_out(store: Store, text: str) -> None:
    assert not await _may_spell(store, "12", text)


@pytest.mark.parametrize(
    "name", ["it's 100 % so: :x ?1 $1 %s \\n", "Zamówiono 🎁", '"quoted" -- no']
)
async def test_a_name_is_found_whatever_signs_it_has(store: Store, name: str) -> None:
    one = cast(bindparam("one"), String)
    async with store.reading() as session:
        for names, is_one in (([name, "b"], True), ([name + "'", "b"], False)):
            found = await prepared.rows(session, select(_are_named(one, names)), {"one": name})
            assert bool(found[0][0]) is is_one
