"""How the ledger's tables came to be: alembic revisions, applied when the ledger is opened."""
