"""The addresses that an installation may write to: exactly those that are named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.errors import BadSetting
from sojourn.domain.messages import Channel
from sojourn.domain.only_to import read_only_to
from sojourn.settings import load_settings

EMAIL, SMS, WHATSAPP, PUSH = Channel.EMAIL, Channel.SMS, Channel.WHATSAPP, Channel.PUSH
LIST = "ada@shop.test, @team.test ,*@lab.test,+39 320 123-4567,+1555*,push:token,push:dev-*,"


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        (EMAIL, "ada@shop.test"),
        (EMAIL, "Ada@Shop.Test"),
        (EMAIL, "anybody@team.test"),
        (EMAIL, "anybody@lab.test"),
        (SMS, "+393201234567"),
        (WHATSAPP, "+393201234567"),
        (SMS, "+15551234567"),
        (PUSH, "token"),
        (PUSH, "dev-17"),
    ],
)
def test_what_is_named_may_be_written_to(channel: Channel, address: str) -> None:
    only = read_only_to(LIST)
    assert only is not None
    assert only.allows(channel, address)


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        (EMAIL, "eve@shop.test"),
        (EMAIL, "ada@shop.test.example"),
        (EMAIL, "eve@sub.team.test"),
        (EMAIL, "eve@notteam.test"),
        (EMAIL, "eve@real.example,ada@shop.test"),
        (EMAIL, "eve@real.example, x@team.test"),
        (EMAIL, '"eve@real.example" <x@team.test>'),
        (EMAIL, "<eve@real.example>x@team.test"),
        (EMAIL, "team.test"),
        (EMAIL, ""),
        (SMS, "+39320123456"),
        (SMS, "+3932012345678"),
        (SMS, "+4415551234567"),
        (SMS, ""),
        (PUSH, "token2"),
        (PUSH, "my-dev-17"),
        (PUSH, ""),
    ],
)
def test_an_address_that_is_not_named_may_not_be_written_to(channel: Channel, address: str) -> None:
    only = read_only_to(LIST)
    assert only is not None
    assert not only.allows(channel, address)


def test_a_channel_of_which_nothing_is_named_writes_to_nobody() -> None:
    only = read_only_to("@team.test")
    assert only is not None
    assert not only.allows(SMS, "+393201234567")
    assert not only.allows(PUSH, "token")


@given(st.sampled_from(Channel), st.emails() | st.from_regex(r"\+[1-9][0-9]{7,13}", fullmatch=True))
def test_nobody_is_nobody(channel: Channel, address: str) -> None:
    only = read_only_to("nobody")
    assert only is not None
    assert not only.allows(channel, address)


def test_the_list_is_told_without_the_addresses_of_people() -> None:
    assert (
        str(read_only_to(LIST)) == "@lab.test, @team.test, +1555*, push:dev-*, 3 single addresses"
    )
    assert str(read_only_to("nobody")) == "nobody"


def test_every_token_can_be_named() -> None:
    only = read_only_to("push:*")
    assert only is not None
    assert only.allows(PUSH, "whatever")
    assert not only.allows(EMAIL, "ada@shop.test")


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_without_a_list_there_is_no_limit(text: str) -> None:
    assert read_only_to(text) is None


@pytest.mark.parametrize(
    "text",
    [
        ",",
        "ada",
        "ada@",
        "@",
        "*",
        "+*",
        "+39",
        "0320123",
        "push:",
        "shop.test",
        "nobody, ada@shop.test",
        "ada@shop.test; eve@shop.test",
        "*.shop.test",
        "@*.shop.test",
    ],
)
def test_a_list_that_cannot_be_read_stops_the_program(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_ONLY_TO", text)
    with pytest.raises(BadSetting, match="SOJOURN_ONLY_TO"):
        load_settings()


def test_the_setting_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_ONLY_TO", LIST)
    assert load_settings().only_to == read_only_to(LIST)
    monkeypatch.setenv("SOJOURN_ONLY_TO", "")
    assert load_settings().only_to is None
