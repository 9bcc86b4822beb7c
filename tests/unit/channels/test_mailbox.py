"""E-mail addresses as mail servers take them."""

import pytest

from sojourn.channels.mailbox import ascii_mailbox, mailbox
from sojourn.domain.errors import UnsupportedAddress


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("Ada.O'Hara+x@Shop.Example", "Ada.O'Hara+x@Shop.Example"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),  # not strasse: another domain
        ("ada@例え.テスト", "ada@xn--r8jz45g.xn--zckzah"),
        ("józef@shop.example", "józef@shop.example"),
        ("jo\u0301zef@shop.example", "józef@shop.example"),  # one letter, by two code points
        ("ada@mail.bücher.example", "ada@mail.xn--bcher-kva.example"),
    ],
)
def test_a_domain_is_written_in_ascii(given: str, written: str) -> None:
    assert mailbox(given) == written


@pytest.mark.parametrize("given", ["ü", "ü@", "@ü.example", "a b@ü.example", "ada@ü..example"])
def test_an_address_of_no_form_is_named_as_such_without_being_quoted(given: str) -> None:
    with pytest.raises(UnsupportedAddress) as raised:
        mailbox(given)
    assert given not in str(raised.value)


def test_a_provider_that_takes_ascii_alone_gets_no_other() -> None:
    assert ascii_mailbox("ada@bücher.example") == "ada@xn--bcher-kva.example"
    with pytest.raises(UnsupportedAddress, match="SMTPUTF8"):
        ascii_mailbox("józef@bücher.example")
