"""Those who are told of alerts change nothing else in the process."""

from email import charset
from email.header import Header

from pydantic import SecretStr

from sojourn.insight.alerts.sinks import sinks_of
from sojourn.settings import Settings


def test_apprise_leaves_the_encoding_of_our_mails_alone() -> None:
    before = dict(charset.CHARSETS)
    settings = Settings(alerts_to=SecretStr("json://127.0.0.1:9/hook"))
    assert [one.name.partition("-")[0] for one in sinks_of(settings)] == ["log", "apprise"]
    assert before == charset.CHARSETS
    assert Header("Łódź", "utf-8").encode().startswith("=?utf-8?b?")
