"""Pictures whose label may be wrong: found by their embeddings, listed for people, and corrected in the table.

The audit and the comparison of heads both ask this room, so that they name the same pictures.
"""
