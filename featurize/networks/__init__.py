"""Networks that can be frozen: what they are, their weights, and recipes that make vectors of their maps."""
