"""Finance's pages, and those of the platform's staff."""
