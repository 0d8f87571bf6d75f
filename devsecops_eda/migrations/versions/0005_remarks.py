"""A remark may be about an override too, not only about a waiver."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Call the column what it holds."""
    _rename("waiver", "about")


def downgrade() -> None:
    """Call it as before."""
    _rename("about", "waiver")


def _rename(old: str, new: str) -> None:
    op.drop_index(f"remarks_{old}", table_name="remarks")
    # The same in both databases; alembic's own would make SQLite's table anew.
    op.execute(f"ALTER TABLE remarks RENAME COLUMN {old} TO {new}")
    op.create_index(f"remarks_{new}", "remarks", [new], unique=False)
