"""``sojourn demo``: see it work, in a minute."""

import tempfile
from pathlib import Path

from sojourn.cli import output
from sojourn.cli.app import app, run
from sojourn.cli.demo import TALES, Story, stories
from sojourn.cli.local.stack import dev_stack
from sojourn.composing import project_settings
from sojourn.domain.calendar import zone
from sojourn.domain.messages import Channel
from sojourn.domain.policy import QuietHours
from sojourn.domain.states import MessageState
from sojourn.settings import Settings
from sojourn.store.tables import ContentRow, LedgerRow


@app.command()
def demo() -> None:
    """Run the three journeys on the embedded Temporal server with time moved along.

    Nothing is sent anywhere; everything it makes is gone when it ends.
    """
    run(_demo())


async def _demo() -> None:
    out = output.console
    out.print("Starting Temporal's dev server and a worker, in a temporary folder ...")
    with tempfile.TemporaryDirectory(prefix="sojourn-demo-") as folder:
        home = Path(folder)
        settings = project_settings().model_copy(
            update={
                "home": home,
                "database_url": f"sqlite+aiosqlite:///{home / 'sojourn.db'}",
                **{f"{channel}_provider": "outbox" for channel in Channel},
                "quiet_hours": Settings.model_fields["quiet_hours"].default,
            }
        )
        async with dev_stack(settings, ports=False, lasting=False) as stack:
            out.print(f"{len(TALES)} customers live through the next weeks ...\n")
            sent = 0
            async for story in stories(stack):
                _show(story, settings.quiet_hours)
                sent += sum(row.state is MessageState.SENT for row, _ in story.messages)
    out.print(
        f"{sent} messages were sent, into the outbox of the demo. "
        "`make dev` leaves all of it running; README.md goes on from here."
    )


def _show(story: Story, quiet_hours: QuietHours | None) -> None:
    output.show_table(
        f"{story.customer_id.title()} {story.title}  ({', '.join(story.outcomes)})",
        ("local time", "step", "channel", "what became of it", "it says"),
        [_line(row, kept, story.timezone, quiet_hours) for row, kept in story.messages],
    )
    output.console.print()


def _line(
    row: LedgerRow, kept: ContentRow | None, timezone: str, quiet_hours: QuietHours | None
) -> tuple[str, ...]:
    local = row.decided_at.astimezone(zone(timezone))
    fate = row.state if row.reason is None else f"{row.state}: {row.reason.replace('_', ' ')}"
    if row.held_until is not None:
        fate += f", held over quiet hours ({quiet_hours})"
    said = kept.content if kept else {}
    headline = said.get("subject") or said.get("title") or said.get("text", "")
    return f"{local:%a %d %b %H:%M}", row.step, row.channel, fate, str(headline).split("\n")[0]
