"""Usage to cost to ledger, from a versioned price book. Shared schema: every row carries its tenant."""
