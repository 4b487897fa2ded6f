"""What agents know: reading documents, cutting them into passages, embedding and finding these."""
