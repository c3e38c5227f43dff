"""Squares of a picture beside the central one that networks see, and what a square says without a network."""
