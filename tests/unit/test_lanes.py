"""`worker.py --channels` chooses the queues that a worker serves, and checks their providers."""

import pytest

from sojourn.domain.messages import Channel
from sojourn.serving.command import main
from sojourn.serving.lanes import Lanes, read_lanes


@pytest.mark.parametrize(
    ("told", "lanes"),
    [
        ("sms", Lanes(journeys=False, channels=(Channel.SMS,))),
        ("push, email", Lanes(journeys=False, channels=(Channel.EMAIL, Channel.PUSH))),
        ("journeys", Lanes(journeys=True, channels=())),
        ("journeys,sms", Lanes(journeys=True, channels=(Channel.SMS,))),
    ],
)
def test_a_list_names_channels_and_the_journeys(told: str, lanes: Lanes) -> None:
    assert read_lanes(told) == lanes


@pytest.mark.parametrize("told", ["fax", "sms,fax", "sms,", ""])
def test_an_unknown_channel_is_wrong_usage_and_one_line(
    told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--channels", told]) == 2
    unknown = told.rpartition(",")[2]
    assert capsys.readouterr().err.splitlines() == [
        f'worker: --channels: no channel "{unknown}": choose one of: journeys, email, sms, push, '
        "whatsapp"
    ]


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_provider_without_its_credentials_is_one_line_before_anything_is_started(
    processes: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOJOURN_EMAIL_PROVIDER", "postmark")
    assert main(["--processes", processes]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "worker: postmark is chosen, which needs SOJOURN_POSTMARK_TOKEN: not set"
    ]
