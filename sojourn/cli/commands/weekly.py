"""``sojourn weekly``: the report of a week by e-mail to the team; show, test, schedule."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel
from sojourn.cli.here import Here
from sojourn.cli.options import AsJson
from sojourn.cli.output import show_json, show_line
from sojourn.cli.running import run
from sojourn.domain.calendar import zone
from sojourn.domain.content import Content
from sojourn.domain.emails import read_email
from sojourn.domain.errors import BadInput, ProviderError, Unavailable
from sojourn.domain.messages import Channel
from sojourn.domain.recurring import Recurring, weekly
from sojourn.insight.weekly.readers import readers
from sojourn.sending.handing import hand_over
from sojourn.sending.recording import kind_of

if TYPE_CHECKING:
    from sojourn.insight.weekly.scheduling import Scheduled

app = typer.Typer(
    help="Send the team an e-mail each week with what the messages did; show one, try one.",
    no_args_is_help=True,
    add_completion=False,
)
Language = Annotated[
    str | None, typer.Option("--language", help="en, it or pl; else SOJOURN_WEEKLY_LANGUAGE.")
]
Week = Annotated[
    str | None, typer.Option("--week", help="A day of the week, as 2026-11-25; else the last one.")
]
NEXT = 3


@app.command()
def show(
    *,
    week: Week = None,
    language: Language = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the e-mail into this file, as a page.")
    ] = None,
) -> None:
    """Show the e-mail of a week; nothing is sent."""
    run(_show(_in(language), week, html))


@app.command("test")
def try_it(
    *,
    to: Annotated[list[str], typer.Option("--to", help="An address of yours; may be repeated.")],
    week: Week = None,
    language: Language = None,
) -> None:
    """Send the e-mail of a week to you, marked as a test."""
    run(_test(_in(language), [_address(one) for one in to], week))


@app.command()
def schedule(
    *,
    day: Annotated[str, typer.Option("--day", help="mon to sun.")] = "mon",
    at: Annotated[str, typer.Option("--at", help="The hour in SOJOURN_TIMEZONE.")] = "08:00",
    as_json: AsJson = False,
) -> None:
    """Have the report of the last week sent each week to the addresses of SOJOURN_WEEKLY_TO."""
    try:
        when = weekly(day.lower(), at=at)
    except TypeError as error:
        raise BadInput(str(error)) from None
    run(_schedule(Here.compose(), when, as_json=as_json))


@app.command()
def unschedule() -> None:
    """Send no report any more."""
    run(_unschedule(Here.compose()))


@app.command("next")
def next_ones(*, as_json: AsJson = False) -> None:
    """Show when the next reports are sent, and to how many."""
    run(_next(Here.compose(), as_json=as_json))


def _in(language: str | None) -> Here:
    here = Here.compose()
    if language is None:
        return here
    told = here.settings.model_copy(update={"weekly_language": language})
    return Here(here.project, told)


def _address(written: str) -> str:
    try:
        return read_email(written)
    except ValueError:
        raise BadInput(f'--to: "{written[:80]}" is not an e-mail address') from None


async def _content(here: Here, week: str | None, *, test: bool = False) -> Content:
    # its activities load Temporal's client, which takes a while
    from sojourn.insight.weekly.figures import week_before, week_of  # noqa: PLC0415
    from sojourn.insight.weekly.sending import Weekly  # noqa: PLC0415

    if week is None:
        first = week_before(datetime.now(UTC), zone(here.settings.timezone))
    else:
        try:
            first = week_of(date.fromisoformat(week))
        except ValueError:
            raise BadInput(f'--week: "{week[:40]}" is not a day: write it as 2026-11-25') from None
    async with here.store() as store:
        return await Weekly(store, here.settings, here.project, {}).content(first, test=test)


async def _show(here: Here, week: str | None, html: Path | None) -> None:
    content = await _content(here, week)
    if html is not None:
        _write(content, html)
        return
    show_line(content.subject, style="bold")
    show_line("")
    show_line(content.text)


def _write(content: Content, file: Path) -> None:
    try:
        file.write_text(content.html, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write {file}: {error.strerror}") from None
    show_line(f"the e-mail is in {file}")


async def _test(here: Here, to: list[str], week: str | None) -> None:
    from sojourn.insight.weekly.sending import check_provider  # noqa: PLC0415 (see `_content`)

    check_provider(here.settings)
    only_to = here.settings.only_to
    if only_to is not None and not all(only_to.allows(Channel.EMAIL, one) for one in to):
        raise BadInput("SOJOURN_ONLY_TO does not allow this address: nothing was sent to it")
    content = await _content(here, week, test=True)
    provider = here.project.carriers.chosen(here.settings, [Channel.EMAIL])[Channel.EMAIL]
    try:
        for one in to:
            parcel = Parcel(f"weekly-report/test/{uuid4().hex}", one, content)
            await hand_over(provider, parcel, Fence())
            show_line(f"sent to {one}")
    except ProviderError as error:
        raise Unavailable(f"{provider.name}: {kind_of(error)}: {error}") from None
    finally:
        await provider.close()


async def _schedule(here: Here, when: Recurring, *, as_json: bool) -> None:
    from sojourn.insight.weekly import scheduling  # noqa: PLC0415 (see `_content`)
    from sojourn.insight.weekly.sending import check_provider  # noqa: PLC0415

    check_provider(here.settings)
    readers(here.settings)  # a missing address is reported now, not on Monday
    client = await here.temporal()
    _tell(here, await scheduling.schedule(client, when, here.settings.timezone), as_json=as_json)


async def _unschedule(here: Here) -> None:
    from sojourn.insight.weekly import scheduling  # noqa: PLC0415 (see `_content`)

    await scheduling.unschedule(await here.temporal())
    show_line("no weekly report is sent any more")


async def _next(here: Here, *, as_json: bool) -> None:
    from sojourn.insight.weekly import scheduling  # noqa: PLC0415 (see `_content`)

    _tell(here, await scheduling.scheduled(await here.temporal()), as_json=as_json)


def _tell(here: Here, set_: "Scheduled", *, as_json: bool) -> None:
    moments = set_.moments[:NEXT]
    if as_json:
        show_json(
            {
                "next": moments,
                "timezone": here.settings.timezone,
                "is_paused": set_.is_paused,
            }
        )
    elif not moments:
        show_line("the weekly report is not scheduled: sojourn weekly schedule")
    elif set_.is_paused:
        show_line("the weekly report is paused in Temporal")
    else:
        tz = zone(here.settings.timezone)
        local = ", ".join(f"{one.astimezone(tz):%Y-%m-%d %H:%M}" for one in moments)
        show_line(f"next: {local} ({tz.key}), to {len(readers(here.settings))}")
