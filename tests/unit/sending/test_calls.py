"""An error of a project's own activity: its text may be personal, and stays out of the log."""

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from sojourn import Context, Settings, activity, days
from sojourn.domain.calls import Asked
from sojourn.journeys.activities import Activity
from sojourn.sending.calls import temporal_activities
from sojourn.store import Store

ADDRESS = "ada@shop.example"


@activity(deadline=days(1))
async def quote(context: Context) -> int:
    """Raise an error that quotes an address, as a shop's client may."""
    raise ValueError(f"no code for {ADDRESS}")


async def test_the_log_names_kind_and_place_of_an_error_and_not_its_text(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/test.db", migrate=True) as store:
        assert isinstance(quote, Activity)
        (perform,) = temporal_activities([quote], store, Settings())
        asked = Asked(
            activity="quote", customer_id="c", journey="j", run="j:c", now=datetime.now(UTC),
            enrolment="e", cause="e",
        )  # fmt: skip
        with caplog.at_level(logging.INFO), pytest.raises(ApplicationError) as raised:
            await ActivityEnvironment().run(perform, asked)
    assert raised.value.type == "ValueError"
    assert ADDRESS not in f"{raised.value} {caplog.text}"
    assert "quote has failed: ValueError at test_calls.py" in caplog.text
