"""What people changed in a dataset table is theirs: told from a changed source, and kept by the next `prepare`."""
