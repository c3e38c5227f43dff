"""Heads compared on the same rows: matched, tuned, scored once, searched for leaks, told with every warning."""
