"""Run the fake providers as a part of the local stack, in a process of their own."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sojourn.cli.local.processes import Child, python, running
from sojourn.composing import load_project
from sojourn.domain.errors import BadInput, Unavailable
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
    """Which fake providers to run.

    Args:
        providers: who carries which channel.
        fail: per cent of the calls that fail.
    """

    providers: Mapping[Channel, str] = field(default_factory=lambda: USUAL)
    fail: float = 0


@dataclass(frozen=True)
class Fakes:
    """Fake providers that answer.

    Args:
        url: their page.
        carriers: who carries which channel.
        environment: with which worker and gateway reach them.
        process: theirs.
    """

    url: str
    carriers: Mapping[Channel, str]
    environment: Mapping[str, str]
    process: Child


def read_wish(told: Sequence[str], fail: float) -> Wish:
    """``email=resend,sms=vonage``: these; the others as usual.

    Args:
        told: choices, several in one separated by commas.
        fail: per cent of the calls that fail.

    Raises:
        BadInput: no such channel, or no fake of that name carries it.
        Unavailable: there are no fakes at all.
    """
    if not _fake("__main__").exists():
        raise Unavailable(
            "--fake-providers needs sojourn/testkit/fakes, which this installation lacks: "
            "run it in a checkout of Sojourn's repository"
        )
    providers = dict(USUAL)
    for choice in (one.strip() for text in told for one in text.split(",")):
        channel, _, name = choice.partition("=")
        if channel not in [known.value for known in Channel]:
            raise BadInput(
                f'--fake-providers "{choice}": write channels as email=resend,sms=vonage'
            )
        there = [
            one
            for one in load_project().carriers.of_channel(Channel(channel))
            if _fake(one).exists()
        ]
        if name not in there:
            raise BadInput(f"--fake-providers {choice}: fakes of {channel} are {', '.join(there)}")
        providers[Channel(channel)] = name
    return Wish(providers, fail)


@asynccontextmanager
async def fake_providers(
    home: Path, wish: Wish, *, hooks_to: str, public_url: str
) -> AsyncIterator[Fakes]:
    """Fake providers, for as long as the block lasts.

    Args:
        home: an existing folder.
        wish: which.
        hooks_to: where the gateway is, or will be.
        public_url: what it is to the outside; some providers sign it.

    Raises:
        Unavailable: they do not start.
    """
    file = home / "fakes.json"
    file.unlink(missing_ok=True)
    chosen = ",".join(f"{channel}={name}" for channel, name in wish.providers.items())
    process = Child(
        "the fake providers",
        python(
            # not from the current folder: that may have tests of its own
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


def _fake(name: str) -> Path:
    return FAKES / f"{name}.py"
