"""What heads are solved on: blocks of rows, folds, scaling."""
