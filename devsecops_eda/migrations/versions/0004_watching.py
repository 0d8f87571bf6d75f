"""Which asks wait for an answer, found without looking at all that were answered."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add an index of the asks that are open."""
    op.create_index(
        "asks_open",
        "asks",
        ["gate", "asked_at"],
        unique=False,
        sqlite_where=sa.text("answered IS 0"),
        postgresql_where=sa.text("answered IS false"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("asks_open", table_name="asks")
