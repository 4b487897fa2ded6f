"""The Agent Desktop's pages: fragments that refetch themselves when a hint says that something has changed."""
