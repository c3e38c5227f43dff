"""Looking at a collection through its embeddings: neighbours, a map, styles in time, painters.

Each module computes one thing and gives plain data or arrays; the pages and figures of it stand beside it.
"""
