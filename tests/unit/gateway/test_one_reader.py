"""One reader of calls: over HTTP, out of a file and out of quarantine a call means the same."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sojourn.cli.calls import Fault, read_calls
from sojourn.dispatch.calls import Ignored, Read, Track, read_call
from sojourn.dispatch.envelope import read_envelope, settled
from sojourn.dispatch.published import Published
from sojourn.dispatch.quarantine import to_send
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Customer, Errand, Identity
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import EARLIEST, LARGEST, LATEST, Event
from sojourn.domain.messages import Channel
from sojourn.domain.storable import Unstorable, json_size
from sojourn.gateway.tracking.taking import take_calls
from sojourn.settings import Settings
from sojourn.store.cards import Identified
from sojourn.store.tables import QuarantineRow
from tests.support.project import PROJECT

ARRIVED = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
ADDED = {"type": "track", "event": "Product Added", "properties": {"product_id": "p1"}}
NAMED = {"userId": "c42", "messageId": "m1"}
AT_NINE = "2026-11-20T09:00:00Z"
A_YEAR_AHEAD = {"timestamp": "2027-11-20T08:00:00Z", "sentAt": "2027-11-20T09:00:00Z"}

CALLS: dict[str, dict[str, Any]] = {
    "plain": {**ADDED, **NAMED, "timestamp": AT_NINE},
    "numeric ids": {**ADDED, "userId": 42, "messageId": 7, "timestamp": AT_NINE},
    "an anonymous id alone": {**ADDED, "anonymousId": "a1", "messageId": "m1"},
    "a numeric anonymous id": {**ADDED, "anonymousId": 17, "timestamp": AT_NINE},
    "no message id": {**ADDED, "userId": "c42", "timestamp": AT_NINE},
    "no message id, a clock": {**ADDED, "userId": "c42", **A_YEAR_AHEAD},
    "an empty message id": {**ADDED, **NAMED, "messageId": "", "timestamp": AT_NINE},
    "a message id of another kind": {**ADDED, **NAMED, "messageId": {"n": 1}},
    "empty moments": {**ADDED, **NAMED, "timestamp": "", "sentAt": "", "receivedAt": ""},
    "no moment": {**ADDED, **NAMED},
    "an original moment alone": {**ADDED, **NAMED, "originalTimestamp": AT_NINE},
    "sentAt alone": {**ADDED, **NAMED, "sentAt": AT_NINE},
    "a clock that is ahead": {**ADDED, **NAMED, **A_YEAR_AHEAD},
    "a clock, and both moments": {
        **ADDED, **NAMED, **A_YEAR_AHEAD, "originalTimestamp": "2027-11-20T07:00:00Z",
    },
    "clocks that contradict each other": {
        **ADDED, **NAMED, "timestamp": "1970-01-01T00:00:00Z", "sentAt": "2199-12-31T00:00:00Z",
    },
    "an absurd moment": {**ADDED, **NAMED, "timestamp": "0001-01-01T00:00:00Z"},
    "a moment without a zone": {**ADDED, **NAMED, "sentAt": "2026-11-20T09:00:00"},
    "nobody": {**ADDED, "messageId": "m1"},
    "a customer id of another kind": {**ADDED, "userId": 1.5},
    "an empty customer id": {**ADDED, **NAMED, "userId": "", "anonymousId": "a1"},
    "a blank customer id": {**ADDED, **NAMED, "userId": "  ", "anonymousId": "a1"},
    "a price that is none": {
        **ADDED, **NAMED, "properties": {"product_id": "p1", "price": "much"},
    },
    "properties of another kind": {**ADDED, **NAMED, "properties": [1]},
    "properties that are an empty list": {
        **NAMED, "type": "track", "event": "Page Read", "properties": [],
    },
    "context of another kind": {**ADDED, **NAMED, "context": "c"},
    "a NUL": {**ADDED, **NAMED, "properties": {"product_id": "p1", "name": "a\0b"}},
    "half a character": {**ADDED, **NAMED, "context": {"a": ["\ud800"]}},
    "an absurd number": {**ADDED, **NAMED, "properties": {"product_id": "p1", "n": 10**200}},
    "too deep": {**ADDED, **NAMED, "context": json.loads("[" * 40 + "]" * 40)[0]},
    "an event that nobody knows": {**NAMED, "type": "track", "event": "Page Read"},
    "an event without a name": {**NAMED, "type": "track"},
    "traits": {**NAMED, "type": "identify", "traits": {"email": "ada@example.com"}},
    "context traits": {
        **NAMED, "type": "identify", "context": {"traits": {"email": "ada@example.com"}},
    },
    "context traits, no message id": {
        "userId": 42, "type": "identify", "timestamp": AT_NINE,
        "context": {"traits": {"plan": "pro"}},
    },
    "both kinds of traits": {
        **NAMED, "type": "identify", "traits": {"plan": "a"}, "context": {"traits": {"plan": "b"}},
    },
    "context traits of another kind": {**NAMED, "type": "identify", "context": {"traits": "pro"}},
    "a trait that is wrong": {**NAMED, "type": "identify", "traits": {"email": "ada"}},
    "context traits of a track": {**ADDED, **NAMED, "context": {"traits": "not read"}},
    "an alias": {**NAMED, "type": "alias", "previousId": "a1"},
    "an alias of numbers": {"type": "alias", "previousId": 1, "userId": 2, "timestamp": AT_NINE},
    "an alias of an anonymous id": {"type": "alias", "previousId": "a1", "anonymousId": "a2"},
    "an alias of nobody": {**NAMED, "type": "alias"},
    "a page": {**NAMED, "type": "page"},
    "a page of nobody": {"type": "page"},
    "a call that is none": {**NAMED, "type": "dance"},
    "a call of no type": NAMED,
}  # fmt: skip
NINE, TEN, ELEVEN = (ARRIVED - hours * HOUR for hours in (3, 2, 1))
MEANT: dict[str, tuple[str, str, datetime] | str] = {
    "plain": ("c42", "m1", NINE),
    "numeric ids": ("42", "7", NINE),
    "an anonymous id alone": ("a1", "m1", ARRIVED),
    "a numeric anonymous id": ("17", "made-e83b1d54d7a91d7221f665eaecce045b", NINE),
    "no message id": ("c42", "made-db6a955fb14e610ef131e1db8b99af26", NINE),
    "no message id, a clock": ("c42", "made-6a77ea82cec71317052d2ba7d824f22f", ELEVEN),
    "no moment": ("c42", "m1", ARRIVED),
    "an original moment alone": ("c42", "m1", NINE),
    "sentAt alone": ("c42", "m1", ARRIVED),
    "a clock that is ahead": ("c42", "m1", ELEVEN),
    "a clock, and both moments": ("c42", "m1", TEN),
    "clocks that contradict each other": ("c42", "m1", ARRIVED),
    "a moment without a zone": ("c42", "m1", ARRIVED),
    "an empty customer id": ("a1", "m1", ARRIVED),
    "a blank customer id": ("a1", "m1", ARRIVED),
    "an empty message id": ("c42", "made-db6a955fb14e610ef131e1db8b99af26", NINE),
    "empty moments": ("c42", "m1", ARRIVED),
    "properties that are an empty list": ("c42", "m1", ARRIVED),
    "context of another kind": ("c42", "m1", ARRIVED),
    "a NUL": ("c42", "m1", ARRIVED),
    "half a character": ("c42", "m1", ARRIVED),
    "an absurd number": ("c42", "m1", ARRIVED),
    "too deep": ("c42", "m1", ARRIVED),
    "an absurd moment": "timestamp: is outside 1970 to 2199",
    "nobody": "userId: is missing: a call needs userId or anonymousId",
    "a customer id of another kind": "userId: input should be a valid string",
    "a price that is none": "properties.price: input should be a valid decimal",
    "properties of another kind": "properties: must be an object",
    "an event that nobody knows": ("c42", "m1", ARRIVED),
    "an event without a name": "event: must name the event",
    "traits": ("c42", "m1", ARRIVED),
    "context traits": ("c42", "m1", ARRIVED),
    "context traits, no message id": ("42", "made-28bd85895c53e2d16e820b64f3ac6be6", NINE),
    "both kinds of traits": ("c42", "m1", ARRIVED),
    "context traits of another kind": "context.traits: must be an object",
    "a trait that is wrong": "traits.email: is not an e-mail address",
    "context traits of a track": ("c42", "m1", ARRIVED),
    "an alias": ("c42", "m1", ARRIVED),
    "an alias of numbers": ("2", "made-3599a5f09cca556d94bf42775400921a", NINE),
    "an alias of an anonymous id": "userId: is missing: an alias names who it is from now on",
    "an alias of nobody": "previousId: is missing",
    "a page of nobody": "userId: is missing: a call needs userId or anonymousId",
    "a call that is none": "type: 'dance' is not a call: track, identify or alias",
    "a call of no type": "type: is missing: track, identify or alias",
}
"""Customer, message id and moment of each call; or the fault. Made ids never change: a sender's
retry after an update of the gateway must be the same call."""
EVERY = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


class Taker:
    """A fake of the client: it keeps the calls that reach it."""

    def __init__(self) -> None:
        self.read: list[Read] = []
        self.asked: list[bool] = []
        self.store = None
        self.project = PROJECT
        self.settings = Settings()

    async def take(
        self,
        event: Event,
        name: str,
        properties: dict[str, Any],
        *,
        ask: bool,
        wait: bool,
        also: tuple[str, ...] = (),
        as_sent: dict[str, Any] | None = None,
    ) -> Published:
        self.read.append(Track(name, properties, event, also, as_sent))
        self.asked.append(ask)
        return Published(event.message_id, stored=True)

    async def hear(self, identity: Identity, *, wait: bool) -> Identified:
        self.read.append(identity)
        return Identified(Customer(identity.customer_id))

    async def alias(self, alias: Alias, *, wait: bool) -> tuple[()]:
        self.read.append(alias)
        return ()


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def keep(*_: Any, **__: Any) -> None:
        """Stand for the quarantine, which has tests of its own."""

    monkeypatch.setattr("sojourn.dispatch.quarantine.keep", keep)


async def through_gateway(call: dict[str, Any]) -> Read | str:
    taker: Any = Taker()
    (taken,) = await take_calls(taker, [call], source="key", received_at=ARRIVED)
    if taken.fault is not None:
        return str(taken.fault)
    return taker.read[0] if taker.read else Ignored(str(call["userId"]))


def through_file(folder: Path, call: dict[str, Any]) -> Read | str:
    file = folder / "calls.jsonl"
    file.write_text(json.dumps({**call, "receivedAt": ARRIVED.isoformat()}))
    ((_, read),) = read_calls(file, PROJECT.events)
    return read.reason if isinstance(read, Fault) else read


@pytest.mark.parametrize(
    "name", [name for name, meant in MEANT.items() if not isinstance(meant, str)]
)
def test_a_valid_call_has_its_customer_its_id_and_its_moment(name: str) -> None:
    read = read_call(CALLS[name], PROJECT.events, received_at=ARRIVED)
    assert not isinstance(read, Ignored | Errand)
    assert (read.customer_id, read.message_id, read.at) == MEANT[name]


@pytest.mark.parametrize("name", [name for name, meant in MEANT.items() if isinstance(meant, str)])
def test_a_bad_call_is_refused_with_its_field_and_reason(name: str) -> None:
    with pytest.raises(BadEvent) as fault:
        read_call(CALLS[name], PROJECT.events, received_at=ARRIVED)
    assert str(fault.value) == MEANT[name]


@pytest.mark.parametrize(("kind", "field"), [("track", "properties"), ("identify", "traits")])
def test_what_a_call_says_must_be_an_object(kind: str, field: str) -> None:
    with pytest.raises(BadEvent, match=f"^{field}: must be an object"):
        read_call({**CALLS["plain"], "type": kind, field: "text"})


@pytest.mark.parametrize("field", ["traits", "context", "integrations"])
def test_a_part_of_a_call_that_nobody_reads_is_left_out_if_it_is_no_object(field: str) -> None:
    read = read_call({**CALLS["plain"], field: "text"})
    assert isinstance(read, Track)
    assert [str(note) for note in read.notes] == [f"{field}: left out: must be an object"]


@pytest.mark.parametrize("kind", ["page", "screen", "group"])
def test_a_call_that_nothing_listens_to_is_read_and_ignored(kind: str) -> None:
    assert read_call({**NAMED, "type": kind}) == Ignored("c42")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (None, "must name the event"),
        ("", "must name the event"),
        (" ", "must name the event"),
        (7, "must name the event"),
        ("e" * 201, "string should have at most 200 characters"),
        ("a\tb", "has a control character"),
    ],
)
def test_an_event_without_a_usable_name_is_refused(name: object, reason: str) -> None:
    with pytest.raises(BadEvent) as fault:
        read_call({**NAMED, "type": "track", "event": name})
    assert str(fault.value) == f"event: {reason}"


def test_the_traits_of_an_identify_outweigh_those_of_its_context() -> None:
    found = [read_call(CALLS[name]) for name in ("context traits", "both kinds of traits")]
    assert [one.card for one in found if isinstance(one, Identity)] == [
        {"email": "ada@example.com"},
        {},
    ]
    assert [one.attributes for one in found if isinstance(one, Identity)] == [{}, {"plan": "a"}]


def test_an_alias_names_the_id_that_is_given_up() -> None:
    read = read_call(CALLS["an alias of numbers"])
    assert isinstance(read, Alias)
    assert read.previous_id == "1"


def test_a_track_call_keeps_its_name_and_its_properties_as_they_were_sent() -> None:
    sent = {"product_id": "p1", "price": "9.90", "shelf": "B"}
    read = read_call({**CALLS["plain"], "properties": sent})
    assert isinstance(read, Track)
    assert (read.name, read.properties) == ("Product Added", sent)


async def test_a_track_call_asks_the_runs_only_if_somebody_wants_to_know() -> None:
    taker: Any = Taker()
    read = read_call(CALLS["plain"])
    assert isinstance(read, Track)
    await read.into(taker)
    await read.into(taker, ask=True)
    assert taker.read == [read, read]
    assert taker.asked == [False, True]


def test_a_call_that_is_no_object_is_refused() -> None:
    with pytest.raises(Unstorable, match=r"^call: must be an object"):
        read_call([CALLS["plain"]])


def test_two_calls_without_id_and_moment_get_ids_of_their_own() -> None:
    call = {**ADDED, "userId": "c42"}
    ids = {read_envelope(call, ARRIVED).message_id for _ in range(2)}
    assert len(ids) == 2


def test_every_part_of_a_calls_content_counts_for_its_made_id() -> None:
    call = {**CALLS["no message id"], "traits": {"a": 1}}
    changed: list[dict[str, Any]] = [
        call,
        {**call, "timestamp": "2026-11-20T09:00:01Z"},
        {**call, "type": "page"},
        {**call, "event": "Order Completed"},
        {**call, "userId": "c43"},
        {**call, "anonymousId": "a1"},
        {**call, "previousId": "a1"},
        {**call, "properties": {"product_id": "p2"}},
        {**call, "traits": {"a": 2}},
    ]
    assert len({read_envelope(one).message_id for one in changed}) == len(changed)
    again = {**call, "sentAt": AT_NINE, "context": {"retry": 2}, "receivedAt": AT_NINE}
    assert read_envelope(again).message_id == read_envelope(call).message_id


def test_the_order_of_a_calls_fields_does_not_count_for_its_made_id() -> None:
    call = {**CALLS["no message id"], "properties": {"product_id": "p1", "name": "Mug"}}
    turned = {**call, "properties": {"name": "Mug", "product_id": "p1"}}
    assert read_envelope(turned).message_id == read_envelope(call).message_id


def test_the_made_id_of_a_call_with_empty_traits_is_another_than_without_traits() -> None:
    call = CALLS["no message id"]
    assert read_envelope({**call, "traits": None}).message_id == read_envelope(call).message_id
    assert read_envelope({**call, "traits": {}}).message_id != read_envelope(call).message_id


MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("event", "behind", "late_by"),
    [
        # how far the sender's clock and ours are apart as the call arrives, and what is corrected
        ("Product Added", timedelta(0), timedelta(0)),
        ("Product Added", 10 * SECOND, timedelta(0)),
        ("Product Added", 44 * SECOND, timedelta(0)),
        ("Product Added", HOUR, timedelta(0)),
        ("Product Added", HOUR + TICK, HOUR + TICK),
        ("Product Added", 400 * 24 * HOUR, 400 * 24 * HOUR),
        ("Product Added", -TICK, -TICK),
        ("Product Added", -30 * SECOND, -30 * SECOND),
        ("Product Added", -400 * 24 * HOUR, -400 * 24 * HOUR),
        # a purchase that was held up, or one of a clock that is behind: it counts as late as it may
        ("Order Completed", 10 * SECOND, timedelta(0)),
        ("Order Completed", 5 * MINUTE, timedelta(0)),
        ("Order Completed", 5 * MINUTE + TICK, 5 * MINUTE + TICK),
        ("Order Completed", HOUR, HOUR),
        ("Order Completed", -MINUTE, -MINUTE),
    ],
)
@pytest.mark.parametrize("field", ["timestamp", "originalTimestamp"])
def test_the_time_on_the_way_is_no_error_of_a_clock(
    field: str, event: str, behind: timedelta, late_by: timedelta
) -> None:
    sent, happened = ARRIVED - behind, ARRIVED - behind - SECOND
    call = {
        **NAMED, "type": "track", "event": event, "properties": {"product_id": "p"},
        field: happened.isoformat(), "sentAt": sent.isoformat(),
    }  # fmt: skip
    read = read_call(call, PROJECT.events, received_at=ARRIVED)
    assert isinstance(read, Track)
    assert read.at == happened + late_by


@pytest.mark.parametrize(
    ("within", "behind", "is_set_right"),
    [
        (timedelta(0), SECOND, True),
        (MINUTE, MINUTE, False),
        (MINUTE, MINUTE + TICK, True),
        (30 * MINUTE, 20 * MINUTE, False),
        (24 * HOUR, HOUR + TICK, True),  # no call is that long on its way
    ],
)
def test_the_tolerance_says_from_when_on_a_clock_of_purchases_is_wrong(
    within: timedelta, behind: timedelta, is_set_right: bool
) -> None:
    sent = ARRIVED - behind
    call = {
        **NAMED, "type": "track", "event": "Order Completed", "timestamp": sent.isoformat(),
        "sentAt": sent.isoformat(),
    }  # fmt: skip
    read = read_call(call, PROJECT.events, received_at=ARRIVED, within=within)
    assert isinstance(read, Track)
    assert read.at == (ARRIVED if is_set_right else sent)
    moved = {**call, "event": "Product Added", "properties": {"product_id": "p"}}
    started = read_call(moved, PROJECT.events, received_at=ARRIVED, within=within)
    assert isinstance(started, Track)
    assert started.at == (ARRIVED if behind > HOUR else sent)


def test_a_forwarder_has_set_the_clock_right_already() -> None:
    told = {"originalTimestamp": "2026-11-20T08:00:00Z", "timestamp": AT_NINE}
    call = {**ADDED, **NAMED, **told, "sentAt": "2026-11-20T11:59:00Z"}
    assert read_envelope(call, ARRIVED).at == NINE


def test_no_moment_of_a_right_clock_is_later_than_its_arrival() -> None:
    call = {**ADDED, **NAMED, "timestamp": "2026-11-20T13:00:00Z", "sentAt": "2026-11-20T11:59:50Z"}
    assert read_envelope(call, ARRIVED).at == ARRIVED


@pytest.mark.parametrize("field", ["timestamp", "originalTimestamp", "sentAt", "messageId"])
@pytest.mark.parametrize("value", ["soon", 1704369938, "9999-01-01T00:00:00Z", [], {}, False])
def test_an_event_that_ends_runs_counts_whatever_its_envelope_says(field: str, value: Any) -> None:
    if field == "messageId" and isinstance(value, str | int) and value is not False:
        return  # any text is an id
    call = {"userId": "c42", "type": "track", "event": "Order Completed", field: value}
    read = read_call(call, PROJECT.events, received_at=ARRIVED)
    assert isinstance(read, Track)
    assert read.at == ARRIVED
    assert field in [note.path for note in read.notes]


def test_a_message_id_that_cannot_be_read_still_tells_calls_apart() -> None:
    one, other = ({**ADDED, "userId": "c42", "messageId": "x" * 200 + end} for end in "ab")
    ids = [read_envelope(call, ARRIVED).message_id for call in (one, one, other)]
    assert ids[0] == ids[1] != ids[2]
    assert all(name.startswith("made-") for name in ids)


@pytest.mark.parametrize("value", [[1], {"a": 1}, False, 1.5, "x" * 201])
def test_a_customer_id_that_cannot_be_read_is_refused_even_beside_an_anonymous_one(
    value: Any,
) -> None:
    call = {"userId": value, "anonymousId": "a1", "type": "track", "event": "Order Completed"}
    with pytest.raises(BadEvent, match=r"^userId: "):
        read_call(call, PROJECT.events)


@pytest.mark.parametrize("value", [[1], {"a": 1}, False, 1.5, "x" * 201])
@pytest.mark.parametrize("field", ["anonymousId", "previousId"])
def test_an_id_that_nobody_needs_is_left_out(field: str, value: Any) -> None:
    read = read_call({**CALLS["plain"], field: value}, PROJECT.events)
    assert isinstance(read, Track)
    assert read.customer_id == "c42"
    assert [note.path for note in read.notes if note.path == field] == [field]


# ---- what of an event is taken ---------------------------------------------------------------


def _bought(**properties: Any) -> Track:
    call = {
        **NAMED, "type": "track", "event": "Order Completed",
        "properties": {"order_id": "o", **properties},
    }  # fmt: skip
    read = read_call(call, PROJECT.events, received_at=ARRIVED)
    assert isinstance(read, Track)
    return read


@pytest.mark.parametrize(
    "value",
    ["a\0b", "\ud800", float("nan"), float("inf"), 10**200, json.loads("[" * 40 + "]" * 40)],
    ids=["nul", "half a character", "nan", "infinity", "an absurd number", "depth"],
)
@pytest.mark.parametrize("place", ["email", "total", "anything"])
def test_a_purchase_counts_whatever_cannot_be_stored_in_it(place: str, value: Any) -> None:
    read = _bought(**{place: value, "cart_id": "A", "products": [{"product_id": "a"}, value]})
    assert read.properties.get(place) is None or place == "anything"
    assert read.properties["cart_id"] == "A"
    assert [line["product_id"] for line in read.properties["products"]] == ["a"]
    assert any(note.path.startswith(f"properties.{place}") for note in read.notes)
    kept = json.dumps([read.properties, read.as_sent], allow_nan=False, ensure_ascii=False)
    assert "\0" not in kept
    kept.encode()


def test_a_name_of_a_property_that_cannot_be_stored_is_left_out() -> None:
    read = _bought(**{"a\0b": 1, "\ud800": {"x": 1}, "total": 3})
    assert read.properties == {"order_id": "o", "total": 3}
    assert read.as_sent is not None
    assert read.as_sent["properties"] == {
        "order_id": "o",
        "a\\0b": 1,
        "\\ud800": {"x": 1},
        "total": 3,
    }


def test_what_was_sent_is_kept_where_it_differs_from_what_was_understood() -> None:
    assert _bought(total="3.50", x={"y": 1}).as_sent is None
    sent = {"order_id": "o", "total": "3,50", "currency": "EUR"}
    assert _bought(**sent).as_sent == {"event": "Order Completed", "properties": sent}
    call = {**NAMED, "type": "track", "event": "Completed Order", "properties": {"orderId": 7}}
    read = read_call(call, PROJECT.events)
    assert isinstance(read, Track)
    assert (read.name, read.properties) == ("Order Completed", {"order_id": 7})
    assert read.as_sent == {"event": "Completed Order", "properties": {"orderId": 7}}


def test_an_unknown_name_is_noted_with_the_nearest() -> None:
    read = read_call({**NAMED, "type": "track", "event": "Oder Completed"}, PROJECT.events)
    assert isinstance(read, Track)
    assert [str(note) for note in read.notes] == [
        'event: is not known here; the nearest is "Order Completed"'
    ]
    other = read_call({**NAMED, "type": "track", "event": "Zzz"}, PROJECT.events)
    assert isinstance(other, Track)
    assert [str(note) for note in other.notes] == ["event: is not known here"]


@pytest.mark.parametrize(("given", "hint"), [({}, ""), ({"cart_number": 1}, "cart_number")])
def test_a_start_without_its_key_is_noted_with_the_nearest_property(
    given: dict[str, Any], hint: str
) -> None:
    call = {**ADDED, **NAMED, "properties": {"product_id": "p1", **given}}
    read = read_call(call, PROJECT.events)
    assert isinstance(read, Track)
    (note,) = read.notes
    assert note.path == "properties.cart_id"
    assert "starts no run of abandoned-cart" in note.reason
    assert (f'did you mean it by "{hint}"?' in note.reason) is bool(hint)


@pytest.mark.parametrize(
    ("moment", "is_possible"),
    [(EARLIEST, True), (EARLIEST - TICK, False), (LATEST - TICK, True), (LATEST, False)],
)
def test_a_moment_by_our_clock_lies_within_what_can_be_stored(
    moment: datetime, *, is_possible: bool
) -> None:
    sent_at, happened = datetime(2100, 1, 2, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    arrived = moment + (sent_at - happened)
    call = {**CALLS["plain"], "timestamp": happened.isoformat()}
    read = read_envelope(call, arrived, sent_at=sent_at)
    assert read.at == (moment if is_possible else arrived)


def test_the_sent_at_of_a_batch_yields_to_that_of_the_call() -> None:
    sent_at = datetime(2027, 11, 20, 10, tzinfo=UTC)
    call = CALLS["a clock that is ahead"]
    without = {**call, "sentAt": None}
    assert read_envelope(without, ARRIVED, sent_at=sent_at).at == ARRIVED - 2 * HOUR
    assert read_envelope(call, ARRIVED, sent_at=sent_at).at == ARRIVED - HOUR
    read = read_call(without, received_at=ARRIVED, sent_at=sent_at)
    assert isinstance(read, Track)
    assert read.at == ARRIVED - 2 * HOUR


@pytest.mark.parametrize("context", ["c", 7, [], [1], "", True])
def test_an_identify_is_read_without_a_context_that_is_none(context: Any) -> None:
    said = {"marketingConsent": {"email": False}}
    call = {**NAMED, "type": "identify", "traits": said, "context": context}
    read = read_call(call, PROJECT.events, received_at=ARRIVED)
    assert isinstance(read, Identity)
    assert read.consents == {Channel.EMAIL: False}


def test_a_settled_call_has_ids_as_text_and_our_moment() -> None:
    call = {**CALLS["a numeric anonymous id"], "previousId": 3, "context": {"ip": "1"}}
    kept = settled(call, read_envelope(call, ARRIVED))
    assert kept == {
        **call,
        "userId": "17",
        "anonymousId": "17",
        "previousId": "3",
        "messageId": kept["messageId"],
        "timestamp": "2026-11-20T09:00:00+00:00",
    }


@pytest.mark.parametrize(("size", "fits"), [(2048, True), (2049, False)])
def test_a_call_that_is_larger_than_the_limit_is_refused(size: int, fits: bool) -> None:
    bare = json_size({**CALLS["plain"], "context": {"x": ""}})
    call = {**CALLS["plain"], "context": {"x": "x" * (size - bare)}}
    assert read_call(call)
    if fits:
        assert read_call(call, largest=2048)
    else:
        with pytest.raises(Unstorable, match=r"^call: is larger than 2 KB"):
            read_call(call, largest=2048)


def test_properties_beyond_the_limit_of_an_event_are_refused() -> None:
    with pytest.raises(BadEvent, match=r"^properties: is \d+ bytes of JSON; at most 100000 "):
        read_call({**CALLS["plain"], "properties": {"x": "x" * LARGEST}})
    assert read_call({**CALLS["plain"], "context": {"x": "x" * LARGEST}})


@EVERY
async def test_a_file_is_read_as_the_gateway_reads_the_same_call(
    tmp_path: Path, call: dict[str, Any]
) -> None:
    assert through_file(tmp_path, call) == await through_gateway(call)


@EVERY
async def test_a_call_out_of_quarantine_is_read_as_the_gateway_reads_it(
    call: dict[str, Any],
) -> None:
    read = await through_gateway(call)
    if isinstance(read, str) or call.get("type") != "track":
        return
    kept = settled(call, read_envelope(call, ARRIVED))
    row = QuarantineRow(
        digest="", call=kept, name="", path="", reason="", source="", received_at=ARRIVED
    )
    assert read_call(to_send(row), PROJECT.events, received_at=ARRIVED + HOUR) == read


def test_a_senders_wrong_clock_is_set_right_by_the_arrival_that_a_file_tells(
    tmp_path: Path,
) -> None:
    read = through_file(tmp_path, CALLS["a clock that is ahead"])
    assert isinstance(read, Track)
    assert read.at == ARRIVED - HOUR


def test_a_file_that_tells_no_arrival_is_read_as_if_it_arrived_when_it_was_sent() -> None:
    read = read_call(CALLS["a clock that is ahead"])
    assert isinstance(read, Track)
    assert read.at == datetime(2027, 11, 20, 8, tzinfo=UTC)


def test_a_call_over_http_cannot_tell_its_own_arrival() -> None:
    read = read_call({**CALLS["no moment"], "receivedAt": AT_NINE}, received_at=ARRIVED)
    assert isinstance(read, Track)
    assert read.at == ARRIVED


def test_a_recorded_call_without_any_moment_happens_now() -> None:
    before = datetime.now(UTC)
    read = read_call(CALLS["no moment"])
    assert isinstance(read, Track)
    assert before <= read.at <= datetime.now(UTC)


def test_an_arrival_that_is_no_moment_is_refused_where_it_is_needed() -> None:
    with pytest.raises(BadEvent, match=r"^receivedAt: "):
        read_call({**CALLS["a clock that is ahead"], "receivedAt": "lately"})
    assert read_call({**CALLS["plain"], "receivedAt": "lately"}) == read_call(CALLS["plain"])


def test_the_same_call_without_an_id_gets_the_same_made_id_by_every_way(tmp_path: Path) -> None:
    read = through_file(tmp_path, CALLS["no message id"])
    again = read_call(CALLS["no message id"], received_at=ARRIVED + HOUR)
    assert isinstance(read, Track)
    assert isinstance(again, Track)
    assert read.message_id == again.message_id
    assert read.message_id.startswith("made-")


@pytest.mark.parametrize("size", [10_000, 200_000])
def test_a_call_is_measured_once(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    measured: list[object] = []

    def measure(value: object) -> int:
        measured.append(value)
        return size

    monkeypatch.setattr("sojourn.dispatch.calls.json_size", measure)
    assert read_call(CALLS["plain"])
    assert len(measured) == 1
