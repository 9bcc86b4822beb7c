"""Mapping files: they turn requests into calls, and their faults are found at the start."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sojourn.dispatch.calls import Track, read_call
from sojourn.domain.errors import BadEvent, BadSetting
from sojourn.domain.events import SubscriptionStarted
from sojourn.gateway.webhooks.mapping.source import Inbound, load_sources
from sojourn.gateway.webhooks.source import Call, Nothing, Unreadable
from tests.support.markdown import ROOT, blocks
from tests.support.webhooks import STANDARD_SECRET, told

SENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
ENVIRONMENT = {"SECRET": STANDARD_SECRET, "BOOKINGS_WEBHOOK_SECRET": STANDARD_SECRET}
EVENT = """
[[events]]
event = "Feature Used"
user_id = "who"
properties.feature = "what"
"""


def source(folder: Path, text: str, name: str = "crm") -> Inbound:
    (folder / f"{name}.toml").write_text(f'secret = "SECRET"\n{text}')
    return load_sources(folder, ENVIRONMENT)[name]


def calls(inbound: Inbound, body: Any, webhook_id: str = "msg_1") -> list[Call]:
    found = inbound.read(body, webhook_id, SENT)
    assert not isinstance(found, Nothing)
    made = [call for call in found if isinstance(call, dict)]
    assert made == found
    for call in made:
        read_call(call)
    return made


def one_call(inbound: Inbound, body: Any) -> Call:
    """Return the only call, whether or not it validates."""
    found = inbound.read(body, "msg_1", SENT)
    assert not isinstance(found, Nothing)
    (call,) = found
    assert isinstance(call, dict)
    return call


def unread(inbound: Inbound, body: Any) -> list[str]:
    """Return the faults of the entries that cannot be read."""
    found = inbound.read(body, "msg_1", SENT)
    assert not isinstance(found, Nothing)
    return [f"{one.path}: {one.reason}" for one in found if isinstance(one, Unreadable)]


def test_a_mapping_file_turns_a_request_into_a_call(tmp_path: Path) -> None:
    assert calls(source(tmp_path, EVENT), {"who": "c42", "what": "export"}) == [
        {
            "type": "track",
            "event": "Feature Used",
            "userId": "c42",
            "messageId": "in/crm/msg_1/0",
            "timestamp": "2026-11-20T09:30:00+00:00",
            "properties": {"feature": "export"},
        }
    ]


def test_the_example_file_maps_baskets_and_bookings() -> None:
    (inbound,) = load_sources(ROOT / "examples" / "webhook_mapping", ENVIRONMENT).values()
    data = {
        "id": "bk_81",
        "basket": "bs_12",
        "amount": 24900,
        "currency": "eur",
        "guest": {"id": 7, "name": "Ada", "email": "ada@example.com", "newsletter": True},
        "rooms": [{"code": "dbl", "title": "Double room", "nights": 2, "price": "124.50"}],
    }
    body = {"timestamp": "2026-11-20T09:00:00Z", "data": data}
    added = calls(inbound, {**body, "type": "basket.changed"})
    assert told(added) == ["guest-7 identify", "guest-7 Product Added"]
    assert added[0]["traits"] == {
        "firstName": "Ada",
        "email": "ada@example.com",
        "marketingConsent": {"email": True},
    }
    paid = calls(inbound, {**body, "type": "booking.paid"}, "msg_2")
    assert told(paid) == ["guest-7 identify", "guest-7 Order Completed"]
    assert paid[1]["messageId"] == "in/bookings/Order Completed/bk_81"
    assert paid[1]["timestamp"] == "2026-11-20T09:00:00Z"
    assert paid[1]["properties"]["total"] == "249.00"
    assert paid[1]["properties"]["currency"] == "eur"
    assert paid[1]["properties"]["products"] == [
        {"product_id": "dbl", "name": "Double room", "quantity": 2, "price": "124.50"}
    ]


def test_a_request_that_no_entry_is_about_makes_no_call(tmp_path: Path) -> None:
    inbound = source(tmp_path, EVENT.replace("user_id", "when = \"kind == 'x'\"\nuser_id"))
    assert isinstance(inbound.read({"kind": "y"}, "msg_1", SENT), Nothing)
    assert isinstance(inbound.read([], "msg_1", SENT), Nothing)


@pytest.mark.parametrize(
    ("when", "holds"), [("`0`", True), ("`{}`", False), ("`[]`", False), ("''", False)]
)
def test_a_when_is_true_by_the_rules_of_jmespath(tmp_path: Path, when: str, holds: bool) -> None:
    inbound = source(tmp_path, EVENT.replace("user_id", f'when = "{when}"\nuser_id'))
    found = inbound.read({"who": "c42", "what": "export"}, "msg_1", SENT)
    assert isinstance(found, Nothing) is not holds


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        ({"what": "x"}, "events.0.user_id", "who finds nothing"),
        (
            {"who": "ada@example.com", "what": "x"},
            "events.0.user_id",
            "an e-mail address is not an id",
        ),
        ({"who": {"id": 1}, "what": "x"}, "events.0.user_id", "who finds no id"),
        ({"who": True, "what": "x"}, "events.0.user_id", "who finds no id"),
    ],
)
def test_a_body_without_a_usable_user_id_is_refused_with_its_path(
    tmp_path: Path, body: dict[str, Any], path: str, reason: str
) -> None:
    (fault,) = unread(source(tmp_path, EVENT), body)
    assert fault.startswith(f"{path}: {reason}")


def test_a_property_whose_expression_does_not_fit_the_body_is_absent(tmp_path: Path) -> None:
    inbound = source(tmp_path, EVENT.replace('"what"', "\"join(',', what)\""))
    assert one_call(inbound, {"who": "c42", "what": 7})["properties"] == {}


def test_a_condition_that_does_not_fit_the_body_is_the_fault_of_its_entry(tmp_path: Path) -> None:
    inbound = source(tmp_path, EVENT.replace("user_id", 'when = "length(n)"\nuser_id'))
    (fault,) = unread(inbound, {"who": "c42", "what": "x", "n": 7})
    assert fault.startswith("events.0.when: length(n) does not fit the body")


def test_a_bad_entry_spoils_no_other(tmp_path: Path) -> None:
    text = EVENT + EVENT.replace('"who"', '"other"') + EVENT
    inbound = source(tmp_path, text)
    found = inbound.read({"who": "c42", "what": "x"}, "msg_1", SENT)
    assert not isinstance(found, Nothing)
    assert [type(one).__name__ for one in found] == ["dict", "Unreadable", "dict"]
    assert unread(inbound, {"who": "c42", "what": "x"}) == ["events.1.user_id: other finds nothing"]


STARTED = """
[[events]]
event = "Subscription Started"
user_id = "who"
timestamp = "at"
properties.subscription_id = "id"
properties.expires_at = "ends"
properties.price = "PRICE"
properties.currency = "currency"
"""


@pytest.mark.parametrize(
    "at",
    [
        1704369938, 1704369938000, "1704369938", "1704369938000", 1704369938.0,
        "2024-01-04T12:05:38Z",
    ],
)  # fmt: skip
def test_moments_may_be_seconds_or_milliseconds(tmp_path: Path, at: Any) -> None:
    inbound = source(tmp_path, STARTED.replace("PRICE", "price"))
    (call,) = calls(inbound, {"who": "c", "id": "s", "at": at, "ends": at, "price": 1})
    read = read_call(call)
    assert isinstance(read, Track)
    assert read.at == datetime(2024, 1, 4, 12, 5, 38, tzinfo=UTC)
    assert isinstance(read.event, SubscriptionStarted)
    assert read.event.expires_at == read.at


@pytest.mark.parametrize("at", [20240104, -5, True, 1e30, "20240104", "soon", [1704369938]])
def test_what_is_no_moment_beyond_doubt_is_left_to_the_reader_of_calls(
    tmp_path: Path, at: Any
) -> None:
    inbound = source(tmp_path, STARTED.replace("PRICE", "price"))
    body = {"who": "c", "id": "s", "at": at, "ends": 1704369938, "price": 1}
    call = one_call(inbound, body)
    with pytest.raises(BadEvent, match=r"^timestamp: "):
        read_call(call)


@pytest.mark.parametrize(
    ("expression", "body", "price"),
    [
        ("from_cents(n)", {"n": 1250}, "12.5"),
        ("from_cents(n)", {"n": "1250"}, "12.5"),
        ("from_cents(n)", {"n": 5}, "0.05"),
        ("from_cents(n)", {}, None),
        ("from_minor(n, currency)", {"n": 1250, "currency": "eur"}, "12.5"),
        ("from_minor(n, currency)", {"n": 1250, "currency": "JPY"}, "1250"),
        ("from_minor(n, currency)", {"n": 1250, "currency": "kwd"}, "1.25"),
        ("from_minor(n, currency)", {"n": 1250}, None),
        ("from_cents(n)", {"n": "much"}, None),
    ],
)
def test_amounts_may_be_in_cents(
    tmp_path: Path, expression: str, body: dict[str, Any], price: str | None
) -> None:
    inbound = source(tmp_path, STARTED.replace("PRICE", expression))
    (call,) = calls(inbound, {"who": "c", "id": "s", "ends": 1704369938, **body})
    read = read_call(call)
    assert isinstance(read, Track)
    assert isinstance(read.event, SubscriptionStarted)
    assert read.event.price == (None if price is None else Decimal(price))
    assert read.event.currency == (body.get("currency") or "").upper() or not body.get("currency")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("from_seconds(n)", "2024-01-04T12:05:38+00:00"),
        ("from_milliseconds(`1704369938500`)", "2024-01-04T12:05:38.500000+00:00"),
        ("upper(t)", "PRO"),
        ("lower(upper(t))", "pro"),
        ("upper(missing)", None),
    ],
)
def test_mapping_files_have_functions_of_their_own(
    tmp_path: Path, expression: str, found: Any
) -> None:
    inbound = source(tmp_path, EVENT.replace('"what"', f'"{expression}"'))
    call = one_call(inbound, {"who": "c", "n": 1704369938, "t": "Pro"})
    assert call["properties"].get("feature") == found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "events: there is neither"),
        ("events = 7", "events: "),
        (EVENT.replace('"who"', '"who["'), "events.0.user_id: who[ is not a JMESPath expression: "),
        (EVENT.replace('"who"', '"a || lenght(b)"'), 'events.0.user_id: no JMESPath function "len'),
        (EVENT.replace('"who"', '"length(a, b)"'), "events.0.user_id: length() takes 1 "),
        (EVENT.replace('"who"', "7"), "events.0.user_id: must be a JMESPath expression"),
        (EVENT.replace('user_id = "who"', ""), "events.0.user_id: field required"),
        (EVENT.replace("user_id", "userid"), "events.0.user_id: field required"),
        (EVENT + 'timestmap = "x"', "events.0.timestmap: extra inputs"),
        (EVENT.replace("Used", "Use"), 'events.0.event: no event "Feature Use": did you mean'),
        (
            EVENT.replace('properties.feature = "what"', ""),
            "events.0.properties: Feature",
        ),
        (EVENT.replace('"what"', f'"{"(" * 900}"'), "events.0.properties.feature: "),
        ('[identify]\nuser_id = "who"', "identify.traits: field required"),
        ("[[events]", "Expected"),
    ],
)
def test_a_fault_in_a_mapping_file_is_one_line_with_file_and_key(
    tmp_path: Path, text: str, fault: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        source(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/crm.toml: {fault}")


@pytest.mark.parametrize(
    ("secret", "fault"),
    [
        ("", "the environment has no SECRET"),
        ("hunter2!", "SECRET is not a secret of Standard Webhooks"),
        ("whsec_", "SECRET is not a secret of Standard Webhooks"),
        (f"{STANDARD_SECRET}, hunter2!", "SECRET is not a secret of Standard Webhooks"),
    ],
)
def test_a_malformed_secret_is_refused_and_not_shown(
    tmp_path: Path, secret: str, fault: str
) -> None:
    source(tmp_path, EVENT)
    with pytest.raises(BadSetting) as caught:
        load_sources(tmp_path, {"SECRET": secret})
    assert f"crm.toml: secret: {fault}" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_in_the_file_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "crm.toml").write_text(f'secret = "{STANDARD_SECRET}"\n{EVENT}')
    with pytest.raises(BadSetting, match=r"crm\.toml: secret: ") as caught:
        load_sources(tmp_path, {})
    assert STANDARD_SECRET not in str(caught.value)


def test_a_missing_folder_and_a_bad_file_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="there is no such folder"):
        load_sources(tmp_path / "nowhere", {})
    with pytest.raises(BadSetting, match="its name is its address"):
        source(tmp_path, EVENT, "My CRM")


def test_the_mapping_file_in_the_docs_is_valid(tmp_path: Path) -> None:
    shown = [one.code for one in blocks(ROOT / "docs" / "webhooks.md") if one.language == "toml"]
    assert shown
    for number, text in enumerate(shown):
        (tmp_path / f"shown{number}.toml").write_text(text)
    assert len(load_sources(tmp_path, {"CRM_WEBHOOK_SECRET": STANDARD_SECRET})) == len(shown)
