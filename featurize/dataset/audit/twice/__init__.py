"""Rows of a table that show one picture: found by the pictures and by their embeddings, the same for every page."""
