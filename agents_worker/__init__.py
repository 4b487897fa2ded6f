"""The LiveKit worker: Atlas, the voice agent, and Media Bot, its companion in the room."""
