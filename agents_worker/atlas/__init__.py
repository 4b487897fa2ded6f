"""Atlas: the voice agent that answers a call."""
