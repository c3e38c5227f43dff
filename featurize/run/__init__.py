"""A run: the pictures of a dataset table become vectors in the feature cache."""
