"""Media Bot: ringback, a second transcript with sentiment, and announcements."""
