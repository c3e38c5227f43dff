"""Segments: the immutable files of embedded pictures, what is in them, and where each vector lies."""
