"""One file per revision of the ledger's tables, never changed once released."""
