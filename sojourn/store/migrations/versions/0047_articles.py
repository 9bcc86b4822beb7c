"""The articles that newsletters carry, and customers' answers to the question in a message."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "articles",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("campaign", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("article", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("image_url", sa.String(), nullable=False),
        sa.Column("published_at", MOMENT, nullable=True),
        sa.UniqueConstraint("campaign", "language", "article"),
    )
    op.create_index("ix_articles_name", "articles", ["name", "language", "article"])
    op.create_table(
        "survey_answers",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("survey", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("answered_at", MOMENT, nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("commented_at", MOMENT, nullable=True),
        sa.UniqueConstraint("survey", "customer_id"),
    )
    op.create_index("ix_survey_answers_customer", "survey_answers", ["customer_id"])


def downgrade() -> None:
    """Drop the tables: newsletters repeat their articles, and answers are lost."""
    op.drop_table("survey_answers")
    op.drop_table("articles")
