"""What Compass answers to programs."""
