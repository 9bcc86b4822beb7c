"""The names that a provider outside of the package needs come from `sojourn.channels`."""

import subprocess
import sys

from sojourn import channels
from sojourn.channels import Provider, SupportsWebhooks
from tests.support.project import PROJECT

LOADED = """
import sys
import sojourn.channels
print(*(name for name in sys.modules if name.startswith("sojourn.channels.")))
"""


def test_every_public_name_of_channels_exists_and_is_sorted() -> None:
    assert all(hasattr(channels, name) for name in channels.__all__)
    assert channels.__all__ == sorted(channels.__all__, key=lambda name: (name.islower(), name))


def test_an_import_of_channels_loads_no_provider() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    loaded = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert loaded == {
        "batches",
        "config",
        "fence",
        "http",
        "mailbox",
        "provider",
        "replies",
        "sender",
        "webhooks",
    }


def test_every_provider_supports_the_protocols_that_it_should() -> None:
    members = [name for name in vars(Provider) if not name.startswith("_")]
    for cls in PROJECT.carriers.shipped.values():
        assert [name for name in members if not hasattr(cls, name)] == []
    lookup = {name for name, cls in PROJECT.carriers.shipped.items() if hasattr(cls, "find")}
    webhooks = {
        n for n, cls in PROJECT.carriers.shipped.items() if issubclass(cls, SupportsWebhooks)
    }
    batches = {name for name, cls in PROJECT.carriers.shipped.items() if hasattr(cls, "send_many")}
    assert batches == {"outbox", "postmark", "resend"}
    assert lookup == {"mailgun", "postmark", "sendgrid", "twilio"}
    assert webhooks == {
        "mailgun", "meta", "postmark", "resend", "sendgrid", "ses", "twilio", "vonage",
    }  # fmt: skip
    assert all(hasattr(PROJECT.carriers.shipped[name], "looks_up_after") for name in lookup)
    assert all(hasattr(PROJECT.carriers.shipped[name], "batch_of") for name in batches)
