"""Mapping files: they turn requests into calls, and their faults are found at the start."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sojourn.dispatch.calls import read_call
from sojourn.domain.errors import BadEvent, BadSetting
from sojourn.gateway.webhooks.mapping.source import Inbound, load_sources
from sojourn.gateway.webhooks.source import Call, Nothing
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
    for call in found:
        read_call(call)
    return found


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
    assert paid[1]["timestamp"] == "2026-11-20T09:00:00+00:00"
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
        ({"who": "ada@example.com", "what": "x"}, "events.0.user_id", "an e-mail address is no id"),
        ({"who": {"id": 1}, "what": "x"}, "events.0.user_id", "who finds no id"),
        ({"who": True, "what": "x"}, "events.0.user_id", "who finds no id"),
    ],
)
def test_a_body_without_a_usable_user_id_is_refused_with_its_path(
    tmp_path: Path, body: dict[str, Any], path: str, reason: str
) -> None:
    with pytest.raises(BadEvent) as caught:
        source(tmp_path, EVENT).read(body, "msg_1", SENT)
    assert caught.value.path == path
    assert caught.value.reason.startswith(reason)


def test_an_expression_that_does_not_fit_the_body_is_refused_with_its_path(tmp_path: Path) -> None:
    inbound = source(tmp_path, EVENT.replace('"what"', "\"join(',', what)\""))
    with pytest.raises(BadEvent, match=r"^events\.0\.properties\.feature: join"):
        inbound.read({"who": "c42", "what": 7}, "msg_1", SENT)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "events: there is neither"),
        ("events = 7", "events: "),
        (EVENT.replace('"who"', '"who["'), "events.0.user_id: who[ is no JMESPath: "),
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
        ("hunter2!", "SECRET is no secret of Standard Webhooks"),
        ("whsec_", "SECRET is no secret of Standard Webhooks"),
        (f"{STANDARD_SECRET}, hunter2!", "SECRET is no secret of Standard Webhooks"),
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
