"""Stories made up by hypothesis: a customer's days, a policy, and messages to send."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from sojourn.domain.messages import MessageClass
from tests.support.together import (
    CARTS,
    CHANNELS,
    DAY,
    EMAIL,
    HOUR,
    JOURNEYS,
    MINUTE,
    PROMOTIONAL,
    PUSH,
    SMS,
    TOPICS,
    Deed,
    Rule,
    Rulebook,
    Tale,
    Wish,
)

_TIMES = st.integers(0, 47).map(lambda half: half * 30)
_SPANS = st.tuples(_TIMES, _TIMES).filter(lambda span: span[0] != span[1])
_NIGHTS = st.sampled_from([(21 * 60, 9 * 60), (22 * 60, 8 * 60), (0, 6 * 60), (13 * 60, 15 * 60)])
_SOME_DAYS = st.sampled_from([(0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 5), (1, 3), (5, 6), (6,), (4,)])
_SOME_CHANNELS = st.sampled_from([(), (), (EMAIL,), (SMS,), (SMS, PUSH)])
_OPEN = st.sampled_from([(9 * 60, 18 * 60), (20 * 60, 2 * 60), (0, 12 * 60)])
_HOURS = st.one_of(st.none(), st.none(), st.tuples(_SOME_DAYS, _OPEN))
_RULES = st.builds(
    Rule,
    channels=_SOME_CHANNELS,
    countries=st.sampled_from([(), (), ("IT",), ("US", "DE")]),
    quiet=st.one_of(st.none(), st.just(()), _NIGHTS, _SPANS),
    open=_HOURS,
    closed=st.sampled_from([(), (), (6,), (5, 6)]),
    holidays=st.booleans(),
).filter(lambda rule: rule.quiet is not None or bool(rule.open or rule.closed or rule.holidays))
_MAYBE = st.sampled_from([None, 1, 1, 2, 3])
_BOOKS = st.builds(
    Rulebook,
    quiet=st.one_of(st.none(), _NIGHTS, _SPANS),
    spread=st.booleans(),
    rules=st.lists(_RULES, max_size=2).map(tuple),
    per_day=_MAYBE,
    per_week=_MAYBE,
    sms_per_week=_MAYBE,
    distance=st.sampled_from([None, None, HOUR, 26 * HOUR]),
    email_distance=st.sampled_from([None, None, None, 5 * HOUR]),
    gives_way=st.sampled_from([False] * 5 + [True]),
    order=st.sampled_from([(), ("news", "cart"), ("cart/step1", "renewal", "cart")]),
).filter(
    lambda book: (
        (book.per_day or 1) <= (book.per_week or 9)
        and (book.sms_per_week or 1) <= (book.per_week or 9)
    )
)
_LATER = st.one_of(
    st.integers(0, 10 * 24 * 4).map(lambda quarters: quarters * 15 * MINUTE),
    st.integers(0, 3 * 24 * 60).map(lambda minutes: minutes * MINUTE + timedelta(seconds=7)),
)
_DUE = st.one_of(
    st.sampled_from([9 * HOUR, 22 * HOUR, 23 * HOUR, DAY, 30 * HOUR, 46 * HOUR, 3 * DAY]), _LATER
)
_FATES = st.lists(
    st.tuples(
        st.sampled_from(["sent", "sent", "sent", "skipped", "rejected", "unknown"]),
        st.sampled_from([timedelta(0), MINUTE, 5 * HOUR]),
    ),
    min_size=3,
    max_size=3,
).map(tuple)


@st.composite
def _wishes(draw: st.DrawFn) -> tuple[Wish, ...]:
    return tuple(
        Wish(
            number=number,
            journey=draw(st.sampled_from(JOURNEYS)),
            kind=draw(st.sampled_from([*MessageClass, *[PROMOTIONAL] * 5])),
            channels=draw(
                st.sampled_from([(EMAIL,), (EMAIL,), (SMS,), (PUSH, SMS), (SMS, EMAIL, PUSH)])
            ),
            topic=draw(st.sampled_from(["offers"] * 5 + ["own"])),
            cart=CARTS[number % 2],
            due=draw(_DUE),
            useful_for=draw(
                st.sampled_from([MINUTE, HOUR, 10 * HOUR, DAY, DAY, 3 * DAY, 3 * DAY, 9 * DAY])
            ),
            hours=draw(_HOURS),
            at_most=draw(st.sampled_from([None, None, None, (1, 1), (1, 3), (2, 30)])),
            gives_way=draw(st.sampled_from([None] * 5 + [False, True])),
            fates=draw(_FATES),
            late=draw(
                st.sampled_from([timedelta(0)] * 3 + [timedelta(seconds=90), 20 * MINUTE, 7 * HOUR])
            ),
        )
        for number in range(draw(st.sampled_from([6, 8, 4, 2, 1])))
    )


_WORDS = st.tuples(
    st.sampled_from([None, *CHANNELS]),
    st.sampled_from(["", *TOPICS]),
    st.sampled_from([True, False]),
    st.sampled_from([None, None, None, HOUR, 2 * DAY]),
).filter(lambda word: bool(word[0] or (word[1] and not (word[2] and word[3]))))
_LATE = st.integers(5, 10).map(lambda days: days * DAY)
_DEEDS = st.one_of(
    st.builds(Deed, _LATER, st.just("buy"), st.sampled_from([("cart-0",), ("cart-1",), ("",)])),
    st.builds(Deed, _LATER, st.just("say"), _WORDS),
    st.builds(
        Deed,
        _LATER,
        st.just("refuse"),
        st.tuples(st.sampled_from(CHANNELS), st.sampled_from(["", *TOPICS])),
    ),
    st.builds(Deed, _LATER, st.just("bounce"), st.tuples(st.sampled_from(CHANNELS))),
    st.builds(Deed, _LATER, st.just("mend"), st.tuples(st.sampled_from(CHANNELS))),
    st.builds(Deed, _LATER, st.just("plan"), st.sampled_from([("free",), ("pro",)])),
    st.builds(
        Deed, _LATER, st.just("move"), st.sampled_from([("Asia/Tokyo",), ("America/New_York",)])
    ),
    st.builds(Deed, _LATER, st.just("policy")),
    st.builds(Deed, _LATER, st.just("pause"), st.tuples(st.sampled_from(TOPICS))),
    st.builds(Deed, _LATE, st.just("restrict")),
)
_BEGINS = st.sampled_from(
    [
        datetime(2024, 1, 8, tzinfo=UTC),
        datetime(2024, 3, 8, tzinfo=UTC),  # clocks go forward in America on the 10th
        datetime(2024, 3, 29, tzinfo=UTC),  # and in Europe on the 31st; Easter
        datetime(2024, 4, 25, tzinfo=UTC),  # and in Egypt at midnight on the 26th
        datetime(2024, 10, 26, tzinfo=UTC),
        datetime(2024, 12, 23, tzinfo=UTC),
    ]
)
_ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Rome",
        "America/New_York",
        "America/Santiago",
        "Africa/Cairo",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ]
)
TALES = st.builds(
    Tale,
    begins=st.builds(lambda day, minutes: day + minutes * MINUTE, _BEGINS, st.integers(0, 1439)),
    zone=_ZONES,
    country=st.sampled_from(["IT", "US", "DE", "JP"]),
    agrees=st.sampled_from([CHANNELS, CHANNELS, CHANNELS, (EMAIL,), (SMS, PUSH)]),
    books=st.lists(_BOOKS, min_size=2, max_size=2).map(tuple),
    wishes=_wishes(),
    deeds=st.sampled_from([5, 3, 1, 0, 7]).flatmap(
        lambda number: st.lists(_DEEDS, min_size=number, max_size=number).map(tuple)
    ),
)
