"""A map of the collection: where each picture lies, its page, its print."""
