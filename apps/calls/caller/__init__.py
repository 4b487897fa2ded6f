"""A caller without a browser: joins a call's room, plays WAV files and listens. What `manage.py call` is made of."""
