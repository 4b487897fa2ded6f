"""Pages of the tool library and of provider accounts."""
