"""The command `featurize`: each file parses, calls one library function, and prints what it returns."""
