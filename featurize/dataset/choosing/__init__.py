"""Which pictures belong into a dataset table: those that are wanted, that can be read, and that nobody removed."""
