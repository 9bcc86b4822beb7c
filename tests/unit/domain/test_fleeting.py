from datetime import UTC, datetime, timedelta

import pytest

from sojourn.domain.errors import BadEvent
from sojourn.domain.events import LoginCodeRequested, SignedUp, fleeting

NOON = datetime(2026, 1, 8, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("lasts", "happened", "kept"),
    [
        (5 * MINUTE, NOON, NOON + 5 * MINUTE),
        (5 * MINUTE, NOON - MINUTE, NOON + 4 * MINUTE),
        (-MINUTE, NOON, NOON),  # forgotten with the next look
        (365 * DAY, NOON, NOON + DAY),
        (5 * MINUTE, NOON - 700 * DAY, NOON + 5 * MINUTE),  # in time travel
    ],
)
def test_a_secret_is_kept_until_it_expires_and_a_day_at_most(
    lasts: timedelta, happened: datetime, kept: datetime
) -> None:
    assert fleeting.kept_until(happened + lasts, happened, NOON) == kept


def test_an_event_with_a_secret_keeps_its_declared_fields_alone() -> None:
    said = {"code": "1234", "otp": "1234", "ip": "192.0.2.1", "request_id": "r"}
    assert fleeting.to_keep(LoginCodeRequested, said) == {"code": "1234", "request_id": "r"}
    assert fleeting.without_secrets(LoginCodeRequested, said) == {"request_id": "r"}
    assert fleeting.to_keep(SignedUp, said) == said


@pytest.mark.parametrize("code", [None, "", "12", "12\n34", "x" * 33, "<b>1</b>"])
def test_what_is_no_code_is_refused(code: str | None) -> None:
    fields = {"customer_id": "c", "request_id": "r", "expires_at": NOON}
    try:
        event = LoginCodeRequested(**fields, code=code)
    except ValueError:
        return
    with pytest.raises(BadEvent, match="code"):
        fleeting.check(event)
