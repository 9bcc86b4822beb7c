"""Every provider of the engine passes the contract."""

import pytest

from sojourn.domain.errors import BadSetting
from sojourn.settings import Settings
from sojourn.testkit.contract import ProviderContract
from sojourn.testkit.fakes import Fake
from sojourn.testkit.fakes.registry import fakes
from tests.support.project import PROJECT

OURS = {"outbox", "smtp"}
"""Providers without a fake: one has no server, `test_smtp.py` tests the other."""


def contract_of(fake: type[Fake]) -> type[ProviderContract]:
    name = fake.__name__.replace("Fake", "Test", 1)
    return type(
        name, (ProviderContract,), {"provider": PROJECT.carriers.shipped[fake.name], "fake": fake}
    )


for each in fakes():
    contract = contract_of(each)
    globals()[contract.__name__] = contract
del contract


def test_every_provider_has_its_fake_and_every_fake_its_provider() -> None:
    known = {(name, c) for name, cls in PROJECT.carriers.shipped.items() for c in cls.channels}
    faked = {(fake.name, c) for fake in fakes() for c in fake.channels}
    assert {one for one in known if one[0] not in OURS} == faked


@pytest.mark.parametrize("token", ["zażółć", "two words", "one\ntwo"])
@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("postmark", "SOJOURN_POSTMARK_TOKEN"),
        ("sendgrid", "SOJOURN_SENDGRID_API_KEY"),
        ("resend", "SOJOURN_RESEND_API_KEY"),
        ("meta", "SOJOURN_META_TOKEN"),
    ],
)
def test_a_token_that_fits_no_header_is_named_at_start_and_not_shown(
    provider: str, name: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_META_PHONE_NUMBER_ID", "15")
    monkeypatch.setenv(name, token)
    with pytest.raises(BadSetting, match=name) as raised:
        PROJECT.carriers.shipped[provider](Settings())
    assert token not in str(raised.value)
