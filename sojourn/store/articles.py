"""The articles that campaigns carry."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import literal
from sqlmodel import col, exists, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.campaign_run import PREFIX, CampaignState
from sojourn.domain.feed import Article, Articles
from sojourn.domain.states import MessageState
from sojourn.store import locks
from sojourn.store.tables import ArticleRow, CampaignRow, LedgerRow

_OUT = (
    MessageState.SENT, MessageState.UNKNOWN, MessageState.CLAIMED, MessageState.SUBMITTING,
)  # fmt: skip
"""The states of messages that somebody may have got."""
_OVER = tuple(state for state in CampaignState if state.is_over)


async def had(
    session: AsyncSession, name: str, *, beside: str = ""
) -> Mapping[str, frozenset[str]]:
    """Return the ids of the articles that a campaign has brought anybody, by the feed's language.

    An occurrence that ended before anybody got it does not count; one that goes on does.

    Args:
        session: any session.
        name: the campaign's name.
        beside: an occurrence that does not count; empty: all do.

    Returns:
        The ids; a language without any is left out.
    """
    reached = exists().where(
        col(LedgerRow.workflow_id) == literal(PREFIX) + col(CampaignRow.id),
        col(LedgerRow.state).in_(_OUT),
    )
    query = (
        select(ArticleRow.language, ArticleRow.article)
        .join(CampaignRow, col(CampaignRow.id) == ArticleRow.campaign)
        .where(
            ArticleRow.name == name,
            ArticleRow.campaign != beside,
            col(CampaignRow.state).not_in(_OVER) | reached,
        )
        .distinct()
    )
    found: dict[str, set[str]] = defaultdict(set)
    for language, article in await session.exec(query):
        found[language].add(article)
    return {language: frozenset(ids) for language, ids in found.items()}


async def hold(session: AsyncSession, name: str) -> None:
    """Keep other occurrences of a campaign from choosing articles until the transaction ends.

    Args:
        session: a writing transaction.
        name: the campaign's name.
    """
    await locks.hold(session, locks.number(f"articles of {name}"))


def keep(session: AsyncSession, campaign_id: str, name: str, articles: Articles) -> None:
    """Keep the articles that an occurrence carries.

    Args:
        session: a writing transaction.
        campaign_id: its id.
        name: the campaign's name.
        articles: for each language.
    """
    session.add_all(
        ArticleRow(
            campaign=campaign_id,
            name=name,
            language=language,
            article=one.id,
            title=one.title,
            url=one.url,
            text=one.text,
            image_url=one.image_url,
            published_at=one.published_at,
        )
        for language, found in articles.by_language.items()
        for one in found
    )


async def of(session: AsyncSession, campaign_id: str, languages: Iterable[str]) -> Articles:
    """Return the articles that a campaign carries, as they were kept.

    Args:
        session: any session.
        campaign_id: its id.
        languages: the languages of its feeds, in their order; one may have nothing new.

    Returns:
        The articles; a language for which none was kept has an empty tuple.
    """
    query = select(ArticleRow).where(ArticleRow.campaign == campaign_id)
    found: dict[str, tuple[Article, ...]] = dict.fromkeys(languages, ())
    for row in await session.exec(query.order_by(col(ArticleRow.id))):
        article = Article(
            row.article, row.title, row.url, row.text, row.image_url, row.published_at
        )
        found[row.language] = (*found.get(row.language, ()), article)
    return Articles(found)
