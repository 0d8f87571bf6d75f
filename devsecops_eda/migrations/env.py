"""Alembic's entry: runs the revisions on the connection that ``open_ledger`` hands over."""

from alembic import context

from devsecops_eda.ledger.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
