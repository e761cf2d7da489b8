"""Places outside the database that keep checkpoints, so that whoever owns the database cannot rewrite the ledger."""
