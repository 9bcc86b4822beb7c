"""Pools of coupons: the file, how long a code is good, and how codes are written."""

import random
import tomllib
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from sojourn.domain.coupon_codes import check_pattern, comparable, drawn, read_code, specimen
from sojourn.domain.coupons import Pool, read_pools
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.links import CODE_ALPHABET

ROME, AUCKLAND = ZoneInfo("Europe/Rome"), ZoneInfo("Pacific/Auckland")
FILE = """
[spring]
pattern = "SPRING-????-????"
valid_for = 14
last_day = 2027-05-31
low_water = 500
percent = 15
gives.en = "15 % off your order"

[vip]
"""


def test_the_file_lists_pools() -> None:
    pools = read_pools(tomllib.loads(FILE))
    assert list(pools) == ["spring", "vip"]
    spring = pools["spring"]
    assert (spring.valid_for, spring.last_day) == (14, date(2027, 5, 31))
    assert (spring.low_water, spring.percent) == (500, Decimal(15))
    assert spring.gives_in(["it", "en"]) == "15 % off your order"
    assert pools["vip"] == Pool("vip")
    assert pools.missing(["en", "it"]) == ["coupons.toml: spring.gives.it"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('spring = "SPRING"', "spring: is not a table"),
        ("[Spring_1]", 'cannot name a pool: write it like "spring"'),
        ("[spring]\nvalid_for = '14 days'", "spring.valid_for: "),
        ("[spring]\nvalid_for = -1", "spring.valid_for: "),
        ("[spring]\nlast_day = '2027-05-31'", "spring.last_day: must be a day, without quotes"),
        ("[spring]\npercent = 150", "spring.percent: "),
        ("[spring]\ngives = '15 %'", 'spring.gives: must be by language: write gives.en = "..."'),
        ("[spring]\npatern = '????????'", "spring.patern: no such entry: a pool has pattern,"),
        ("[spring]\npattern = 'SPRING-????'", "could be guessed: write 8 ? at least"),
        ("[spring]\npattern = 'ŁÓDŹ-????????'", "is not a pattern: write letters, digits"),
    ],
)
def test_a_fault_of_the_file_says_the_way_out(written: str, said: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_pools(tomllib.loads(written))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_unknown_pool_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match='did you mean "spring"'):
        read_pools(tomllib.loads(FILE)).named("sprin")


def test_a_code_is_good_to_the_end_of_a_day_where_the_customer_lives() -> None:
    pool, noon = Pool("spring", valid_for=14), datetime(2027, 3, 20, 12, tzinfo=UTC)
    # the clocks go forward on 28 March in Rome: days are counted, not spans of 24 hours
    assert pool.until(noon, ROME) == datetime(2027, 4, 3, 21, 59, 59, tzinfo=UTC)
    # in Auckland it is the 21st already
    assert pool.until(noon, AUCKLAND) == datetime(2027, 4, 4, 11, 59, 59, tzinfo=UTC)
    today = Pool("today", valid_for=0).until(noon, ROME)
    assert today == datetime(2027, 3, 20, 22, 59, 59, tzinfo=UTC)
    assert Pool("always").until(noon, ROME) is None


def test_no_code_outlasts_the_last_day_of_its_pool() -> None:
    pool = Pool("spring", valid_for=14, last_day=date(2027, 3, 25))
    noon, late = datetime(2027, 3, 20, 12, tzinfo=UTC), datetime(2027, 3, 25, 23, tzinfo=UTC)
    assert pool.until(noon, ROME) == datetime(2027, 3, 25, 22, 59, 59, tzinfo=UTC)
    assert not pool.is_over(noon, ROME)
    assert pool.is_over(late, ROME)
    assert not pool.is_over(late, ZoneInfo("America/Lima"))


def test_codes_are_alike_however_somebody_types_them() -> None:
    same = ("SPRING-7KQ2-MX9R", "spring 7kq2 mx9r", " Spring7KQ2MX9R", "SPRING–7KQ2–MX9R")
    assert len({comparable(code) for code in same}) == 1
    assert comparable("ＳＰＲＩＮＧ1") == "SPRING1"
    assert comparable("zażółć-1") == comparable("ZAŻÓŁĆ 1")


@pytest.mark.parametrize("text", ["", "  ", "---", "A\x07B", "A" * 101])
def test_what_nobody_could_type_is_no_code(text: str) -> None:
    with pytest.raises(BadInput):
        read_code(text)


def test_codes_are_drawn_from_letters_that_nobody_mistakes() -> None:
    made = {drawn("SPRING-????-????", random.Random(n).choice) for n in range(500)}
    assert len(made) == 500
    for code in made:
        head, *parts = code.split("-")
        assert head == "SPRING"
        assert set("".join(parts)) <= set(CODE_ALPHABET)
        assert not set("01OIL") & set("".join(parts))


def test_a_specimen_is_no_code_of_the_pool() -> None:
    assert specimen("SPRING-????-????") == "SPRING-SPEC-IMEN"
    assert specimen("????????????") == "SPECIMENSPEC"
    assert specimen("") == "SPECIMEN"
    check_pattern("SPRING-????-????")
    assert "I" not in CODE_ALPHABET
