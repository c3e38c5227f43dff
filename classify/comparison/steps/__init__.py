"""The steps of a comparison: what is asked is checked, heads answer, and what they show is looked at."""
