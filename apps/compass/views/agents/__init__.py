"""The pages on which agents are made, changed, published and deleted."""
