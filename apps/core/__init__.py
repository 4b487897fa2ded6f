"""What every app stands on, and no business: inbox, outbox, errors, tasks, tokens, encrypted fields, hints to browsers."""
