"""New painters or known ones, put to every head by folds: `plan` says which and how, `put` does it."""
