"""The fake providers of the local stack, in a separate process."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sojourn.cli.local.processes import Child, python, running
from sojourn.composing import load_project
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel

FAKES = Path(__file__).resolve().parents[2] / "testkit" / "fakes"
MODULE = "sojourn.testkit.fakes"
USUAL: Mapping[Channel, str] = {
    Channel.EMAIL: "postmark",
    Channel.SMS: "twilio",
    Channel.WHATSAPP: "meta",
    Channel.PUSH: "fcm",
}
GRACE_SECONDS = "3"


@dataclass(frozen=True)
class Wish:
    """The fake providers to run.

    Args:
        providers: the provider's name for each channel.
        fail: the percentage of calls that fail.
    """

    providers: Mapping[Channel, str] = field(default_factory=lambda: USUAL)
    fail: float = 0


@dataclass(frozen=True)
class Fakes:
    """Running fake providers.

    Args:
        url: the URL of their page.
        carriers: the provider's name for each channel.
        environment: the variables by which the worker and the gateway reach them.
        process: the process that runs them.
    """

    url: str
    carriers: Mapping[Channel, str]
    environment: Mapping[str, str]
    process: Child


def read_wish(told: Sequence[str], fail: float) -> Wish:
    """Read choices such as ``email=resend,sms=vonage``; other channels keep their usual fakes.

    Args:
        told: the choices; one text may have several, separated by commas.
        fail: the percentage of calls that fail.

    Raises:
        BadInput: there is no such channel, or it has no such fake.
    """
    providers = dict(USUAL)
    for choice in (one.strip() for text in told for one in text.split(",")):
        channel, _, name = choice.partition("=")
        if channel not in [known.value for known in Channel]:
            raise BadInput(
                f'--fake-providers "{choice}": write channels as email=resend,sms=vonage'
            )
        known = load_project().carriers.of_channel(Channel(channel))
        there = [one for one in known if (FAKES / f"{one}.py").exists()]
        if name not in there:
            raise BadInput(f"--fake-providers {choice}: fakes of {channel} are {', '.join(there)}")
        providers[Channel(channel)] = name
    return Wish(providers, fail)


@asynccontextmanager
async def fake_providers(
    home: Path, wish: Wish, *, hooks_to: str, public_url: str
) -> AsyncIterator[Fakes]:
    """Run fake providers for as long as the block lasts.

    Args:
        home: an existing folder for their log.
        wish: the fakes to run.
        hooks_to: the URL of the gateway, which may start later.
        public_url: the gateway's public URL, which some providers sign.

    Yields:
        The fakes, once they answer.

    Raises:
        Unavailable: they do not start.
    """
    file = home / "fakes.json"
    file.unlink(missing_ok=True)
    chosen = ",".join(f"{channel}={name}" for channel, name in wish.providers.items())
    process = Child(
        "the fake providers",
        python(
            # -P: the current folder may have modules of the same names
            "-P", "-m", "sojourn.cli.local.leash", GRACE_SECONDS,
            *python(
                "-P", "-m", MODULE, "--providers", chosen, "--hooks-to", hooks_to,
                "--public-url", public_url, "--fail", str(wish.fail), "--file", str(file),
            ),
        ),
        home / "fakes.log",
    )  # fmt: skip
    async with running(process):

        async def answers() -> bool:
            return file.exists()

        try:
            await process.ready(answers)
            said = json.loads(file.read_text())
            yield Fakes(said["page"], wish.providers, said["environment"], process)
        finally:
            file.unlink(missing_ok=True)
