"""Long campaigns against the cache and the run, shared by `scripts/torture.py` and the tests."""
