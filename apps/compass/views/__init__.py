"""The pages of Compass, by area."""
