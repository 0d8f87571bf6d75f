"""Bringing the tables of a database up to date."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from devsecops_eda.errors import InvalidSettingsError
from devsecops_eda.ledger import postgresql
from devsecops_eda.ledger.tables import METADATA

MIGRATION_S = 600.0
"""So long a revision may work, and another gate that starts meanwhile waits for it."""


def revisions() -> tuple[Config, ScriptDirectory]:
    """Return the revisions this release knows, and how alembic is told of them."""
    config = Config()
    config.set_main_option("script_location", "devsecops_eda:migrations")
    return config, ScriptDirectory.from_config(config)


def bring_up_to_date(connection: Connection) -> None:
    """Make the tables of an open transaction's database what this release uses.

    Several gates may start at once: one works, the others wait and find it done.

    Raises:
        InvalidSettingsError: the tables are of a newer release, or of something else.
        DBAPIError: the database is away, or refuses.
    """
    if connection.dialect.name == "postgresql":
        postgresql.be_patient(connection, lock_s=MIGRATION_S, statement_s=MIGRATION_S)
        postgresql.lock(connection, "migrations")
    config, scripts = revisions()
    found = MigrationContext.configure(connection).get_current_heads()
    if found == tuple(scripts.get_heads()):
        return
    known = {one.revision for one in scripts.walk_revisions()}
    if not known.issuperset(found) or len(found) > 1:
        raise InvalidSettingsError(
            f"gate.database: its tables are of revision {', '.join(found)}, this release knows"
            f" {max(known)} at most: run the release that wrote them, or a newer one"
        )
    foreign = () if found else sorted(_tables(connection) & set(METADATA.tables))
    if foreign:
        raise InvalidSettingsError(
            f"gate.database: it holds tables of something else already ({', '.join(foreign)}):"
            " name a database of the gate's own"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())
