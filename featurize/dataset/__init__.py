"""The dataset table: reading sources, labels, splits, the audit."""
