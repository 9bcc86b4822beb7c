"""Customers and facts made up by hypothesis: likely, odd and missing values."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from sojourn.domain import facts
from sojourn.domain.events import Currency, Event, Moment, Money, Personal
from sojourn.domain.facts import Fact, Happened
from sojourn.domain.messages import Channel

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Grade(Enum):
    FINE = "fine"
    POOR = "poor"


class Bought(Event, name="Bought"):
    """Something was bought."""

    amount: Money | None = None
    pieces: int = 1
    gift: bool | None = None
    shop: str | None = None
    currency: Currency | None = None
    due: Moment | None = None
    day: date | None = None
    tags: tuple[str, ...] = ()
    plan: Personal = None
    grade: Grade | None = None


class Looked(Event, name="Looked"):
    """Something was looked at."""

    pieces: int = 1


@dataclass(frozen=True)
class Made:
    """A customer that was made up.

    Args:
        said: (channel, topic, granted, day, days until its arrival, day of a yes' end) of each
            statement of consent.
        refused: (channel, topic, day) of refusals of the address.
        messages: (journey, state, day) of the messages that were decided on.
        campaigned: (campaign, state, channel, day, day of a click) of messages of campaigns.
        copied: numbers of events that are stored once more, as copies of themselves.
    """

    traits: dict[str, Any] = field(default_factory=dict)
    card: dict[str, str] = field(default_factory=dict)
    happened: tuple[Happened, ...] = ()
    said: tuple[tuple[str, str, bool, int, int, int | None], ...] = ()
    refused: tuple[tuple[str, str, int], ...] = ()
    copied: frozenset[int] = frozenset()
    erased: bool = False
    lists: frozenset[str] = frozenset()
    messages: tuple[tuple[str, str, int], ...] = ()
    campaigned: tuple[tuple[str, str, str, int, int | None], ...] = ()


TEXTS = st.sampled_from(
    ["pro", "free", "Pro", "20", "-3.5", "vip", "płeć 😀", "a'b\"c", "2024-01-08"]
)
DAYS = st.sampled_from(
    [
        "2024-01-08",
        "2024-02-29",
        "2023-02-29",
        "2024-02-30",
        "2024-1-8",
        "2024-13-01",
        "1990-01-08",
        "01-08",
        "--01-08",
        "02-29",
        "--02-29",
        "--02-30",
        "-01-08",
        "---01-08",
        "1-008",
        "00-08",
    ]
)
MOMENTS = st.sampled_from(
    [
        "2024-01-08T12:00:00Z",
        "2024-01-08T13:00:00+01:00",
        "2024-01-08T12:00:00.5Z",
        "2024-01-08T12:00:00.000001+00:00",
        "2024-01-08T12:00:00",
        "2024-01-08T24:00:00Z",
        "2024-01-08T12:00:00.Z",
        "2024-01-08T12:00:00.1234567Z",
        "2024-02-30T12:00:00Z",
        "2023-12-31T23:59:59-13:30",
        "1990-01-08T23:59:59-13:30",
        "2024-01-08T12:00:00+14:00",
        "2024-01-08T12:00:00Z ",
    ]
)
NUMBERS = st.one_of(
    st.integers(-3, 30),
    st.sampled_from([0.1, 19.99, 20.0, -0.0, 1e14, 1e15, 1e22, 1e-7, 1e-120, 10**60, 123456.789]),
)
AMOUNTS = st.one_of(
    NUMBERS,
    st.sampled_from(["20", "19.99", "-5.5", "1e3", "20.", ".5", "--2", "1.2.3", "20\n", "0" * 16]),
    st.decimals(0, 1000, places=2).map(str),
)
ANY = st.one_of(
    st.none(), st.booleans(), TEXTS, NUMBERS, DAYS, MOMENTS,
    st.lists(st.one_of(TEXTS, st.integers(0, 3)), max_size=3),
    st.dictionaries(st.sampled_from(["country", "płeć"]), st.one_of(TEXTS, NUMBERS), max_size=2),
)  # fmt: skip
TRAITS = ("plan", "age", "płeć", "address", "trial.ends", "tags")
TIMES = st.integers(-100, 3).flatmap(
    lambda days: st.sampled_from([timedelta(0), timedelta(microseconds=1), timedelta(hours=5)]).map(
        lambda more: NOON + days * DAY + more
    )
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "amount": AMOUNTS,
        "pieces": st.one_of(st.none(), NUMBERS),
        "gift": st.one_of(st.booleans(), TEXTS),
        "shop": ANY,
        "currency": st.sampled_from(["EUR", "eur", "PLN", 3]),
        "due": MOMENTS,
        "day": DAYS,
        "tags": st.one_of(TEXTS, st.lists(TEXTS, max_size=3)),
        "plan": TEXTS,
        "grade": st.sampled_from(["fine", "poor"]),
    },
)
HAPPENED = st.builds(
    Happened,
    name=st.sampled_from(["Bought", "Looked"]),
    occurred_at=TIMES,
    properties=FIELDS,
)
PHONES = st.sampled_from(
    ["+393201234567", "+5215512345678", "+541112345678", "+551198765432", "+5511998765432"]
)
CARDS = st.fixed_dictionaries(
    {},
    optional={
        "email": st.sampled_from(["Ada@shop.example", "bo@shop.example"]),
        "phone": PHONES,
        "phone2": PHONES,
        "push_token": st.just("Token"),
        "locale": st.sampled_from(["it-IT", "pl"]),
        "first_name": st.sampled_from(["Ada", "2024-01-08"]),
    },
)
CHANNELS = st.sampled_from(["email", "sms", "push"])
SAID = st.tuples(
    st.sampled_from(["email", "sms", "push", ""]),
    st.sampled_from(["", "offers"]),
    st.booleans(),
    st.integers(-3, 0),
    st.integers(0, 3),
    st.one_of(st.none(), st.integers(-3, 2)),
).filter(lambda one: bool(one[0] or one[1]))
CUSTOMERS = st.builds(
    Made,
    traits=st.dictionaries(st.sampled_from(TRAITS), ANY, max_size=4),
    card=CARDS,
    happened=st.lists(HAPPENED, max_size=6).map(tuple),
    said=st.lists(SAID, max_size=4).map(tuple),
    refused=st.lists(
        st.tuples(CHANNELS, st.sampled_from(["", "offers"]), st.integers(-3, 3)), max_size=2
    ).map(tuple),
    copied=st.frozensets(st.integers(0, 5), max_size=1),
    erased=st.sampled_from([False] * 9 + [True]),
    lists=st.frozensets(st.sampled_from(["fair", "press"])),
    messages=st.lists(
        st.tuples(
            st.sampled_from(["win-back", "renewal"]),
            st.sampled_from(["sent", "unknown", "deferred", "claimed", "skipped", "rejected"]),
            st.sampled_from([-100, -90, -89, -1, 0, 1]),
        ),
        max_size=3,
    ).map(tuple),
    campaigned=st.lists(
        st.tuples(
            st.sampled_from(["spring", "autumn"]),
            st.sampled_from(["sent", "unknown", "submitting", "deferred", "skipped", "rejected"]),
            st.sampled_from(["email", "sms"]),
            st.integers(-4, 1),
            st.sampled_from([None, -1, 0, 1]),
        ),
        max_size=2,
    ).map(tuple),
)
FROZEN = NOON - 3 * DAY
"""When the audience of the campaign ``spring`` was frozen, whose goal is Bought."""

_ORDERS = st.sampled_from(["<", "<=", ">", ">="])
_EQUAL = st.sampled_from(["==", "!="])
_OPS = st.one_of(_ORDERS, _EQUAL)
_NUMBERS = st.sampled_from([0, 1, 2, 20, 19.99, -5.5, 123456.789])
_MOMENTS = st.sampled_from([NOON, NOON - DAY, NOON + timedelta(microseconds=500_000)])
_DATES = st.sampled_from([date(2024, 1, 8), date(2024, 2, 29)])
_SPANS = st.sampled_from([timedelta(hours=5), DAY, 30 * DAY, 90 * DAY])


def _compared(of: Any, op: str, value: Any) -> Fact:
    made: Fact = getattr(
        of,
        {"==": "__eq__", "!=": "__ne__", "<": "__lt__", "<=": "__le__", ">": "__gt__"}.get(
            op, "__ge__"
        ),
    )(value)
    return made


def _single(of: Any, *kinds: str) -> st.SearchStrategy[Fact]:
    every = {
        "text": st.one_of(
            st.builds(_compared, st.just(of), _EQUAL, TEXTS),
            st.lists(TEXTS, min_size=1, max_size=3).map(lambda some: of.one_of(*some)),
            TEXTS.map(of.contains),
        ),
        "number": st.one_of(
            st.builds(_compared, st.just(of), _OPS, _NUMBERS),
            st.lists(_NUMBERS, min_size=1, max_size=2).map(lambda some: of.one_of(*some)),
        ),
        "yes": st.builds(_compared, st.just(of), _EQUAL, st.booleans()),
        "moment": st.builds(_compared, st.just(of), _OPS, _MOMENTS),
        "day": st.builds(_compared, st.just(of), _OPS, _DATES),
    }
    known = st.just(of.is_known)
    return st.one_of(known, *(every[kind] for kind in kinds or every))


def _joined(inner: st.SearchStrategy[Fact]) -> st.SearchStrategy[Fact]:
    return st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        inner.map(lambda a: ~a),
        st.builds(lambda a, answer: a.or_if_unknown(answer), inner, st.booleans()),
    )


_FIELD = st.one_of(
    _single(facts.field("amount"), "number"),
    _single(facts.field("pieces"), "number"),
    _single(facts.field("gift"), "yes"),
    _single(facts.field("shop"), "text"),
    st.just(facts.field("currency") == "EUR"),
    _single(facts.field("due"), "moment"),
    _single(facts.field("day"), "day"),
    _single(facts.field("plan"), "text"),
    TEXTS.map(facts.field("tags").contains),
    st.just(facts.field("grade") == Grade.FINE),
)
WHERE = st.one_of(st.none(), st.recursive(_FIELD, _joined, max_leaves=3))
_WITHIN = st.one_of(st.none(), _SPANS)
_EVENTS = st.one_of(
    st.builds(
        lambda n, within, where: facts.did(Bought, at_least=n, within=within, where=where),
        st.integers(1, 3), _WITHIN, WHERE,
    ),
    st.builds(
        lambda op, n, within, where: _compared(
            facts.count(Bought, within=within, where=where), op, n
        ),
        _OPS, st.integers(0, 3), _WITHIN, WHERE,
    ),
    st.builds(
        lambda of, op, span, where: _compared(of(Bought, where=where), op, span),
        st.sampled_from([facts.last, facts.first]), _OPS, _SPANS, WHERE,
    ),
    st.builds(lambda of, where: of(Bought, where=where).is_known,
              st.sampled_from([facts.last, facts.first]), WHERE),
    st.builds(
        lambda op, n, within: _compared(
            facts.total(Bought, "amount", within=within, where=facts.field("currency") == "EUR"),
            op, n,
        ),
        _OPS, _NUMBERS, _WITHIN,
    ),
    st.builds(
        lambda op, n, where: _compared(facts.total(Bought, "pieces", where=where), op, n),
        _OPS, _NUMBERS, WHERE,
    ),
    st.just(facts.did(Looked)),
)  # fmt: skip
_TRAITS = st.one_of(
    *(
        _single(facts.trait(*path))
        for path in (
            ("plan",), ("age",), ("płeć",), ("trial.ends",), ("tags",), ("address", "country"),
            ("address", "płeć"), ("email",), ("firstName",), ("locale", "inner"),
        )
    )
)  # fmt: skip
_ANNIVERSARIES = st.builds(
    lambda of, leap, day: (
        facts.asked_on(facts.anniversary(of, leap=leap), day)
        if day
        else facts.anniversary(of, leap=leap)
    ),
    st.one_of(
        st.sampled_from([("plan",), ("trial.ends",), ("address", "country"), ("email",)]).map(
            lambda path: facts.trait(*path)
        ),
        st.builds(
            lambda of, where: of(Bought, where=where),
            st.sampled_from([facts.last, facts.first]),
            WHERE,
        ),
    ),
    st.sampled_from(["02-28", "03-01"]),
    st.sampled_from(
        [None, date(2025, 1, 8), date(2025, 2, 28), date(2025, 3, 1), date(2028, 2, 28),
         date(2028, 2, 29), date(2024, 12, 31), date(2025, 1, 7)]
    ),
)  # fmt: skip
_CONSENTS = st.builds(
    facts.consents,
    st.sampled_from([Channel.EMAIL, Channel.SMS, Channel.PUSH]),
    st.sampled_from(["", "offers"]),
)
_LISTED = st.sampled_from(["fair", "press", "nobody"]).map(facts.listed)
_WRITTEN = st.builds(
    lambda by, within: facts.written_to(by, within=within),
    st.sampled_from(["win-back", "nobody"]), _SPANS,
)  # fmt: skip
_CAMPAIGNED = st.builds(
    lambda asked, campaign: asked(campaign),
    st.sampled_from([facts.received, facts.clicked, facts.reached_goal, facts.did_not_react]),
    st.sampled_from(["spring", "autumn", "autumn@2"]),
)
_KINDS = (_EVENTS, _TRAITS, _ANNIVERSARIES, _CONSENTS, _LISTED, _WRITTEN, _CAMPAIGNED)
FACTS: st.SearchStrategy[Fact] = st.recursive(
    st.sampled_from(_KINDS).flatmap(lambda kind: kind),  # one_of would draw of the widest alone
    _joined,
    max_leaves=4,
)
