"""Vectors from other programs and for other programs: what is imported, and what is exported."""
