"""The From header names the shop, whatever its name."""

from email import message_from_string, policy
from email.headerregistry import Address

import pytest

from sojourn.channels import from_header
from sojourn.settings import Settings

NAMES = [
    "Sojourn Shop",
    '"Müller, Söhne" GmbH',
    "Müller, Söhne GmbH",
    'The "Best" Shop',
    "Shop (Milano)",
    "shop@home",
    "back\\slash",
    "Sklep Żółty Kubek",
    "カップ",
]


def settings(name: str) -> Settings:
    return Settings().model_copy(update={"shop_name": name, "from_email": "hello@shop.example"})


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_mail_reader_finds_the_whole_name_in_the_from_header(name: str, ascii_only: bool) -> None:
    header = from_header(settings(name), ascii_only=ascii_only)
    message = message_from_string(f"From: {header}\n\n", policy=policy.default)
    assert message["From"].addresses == (Address(name, addr_spec="hello@shop.example"),)
    assert header.isascii() or not ascii_only


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("Sojourn Shop", "Sojourn Shop <hello@shop.example>"),
        ("Müller", "Müller <hello@shop.example>"),
        ('"Müller, Söhne" GmbH', '"\\"Müller, Söhne\\" GmbH" <hello@shop.example>'),
        ("", "hello@shop.example"),
        ("Shop\r\nBcc: eve@x.example", '"Shop Bcc: eve@x.example" <hello@shop.example>'),
    ],
)
def test_the_from_header_quotes_the_name_only_if_it_must(name: str, header: str) -> None:
    assert from_header(settings(name)) == header


def test_a_name_outside_of_ascii_can_be_an_encoded_word() -> None:
    header = from_header(settings("Łódź, Figli"), ascii_only=True)
    assert header == "=?utf-8?b?xYHDs2TFuiwgRmlnbGk=?= <hello@shop.example>"
