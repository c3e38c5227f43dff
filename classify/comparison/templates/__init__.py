"""The ranking of a comparison, as notebooks show it."""
