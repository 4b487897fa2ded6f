"""Stand-ins for outside providers: real protocols on a local port, with checks and a memory."""
