"""The command `classify`: each file parses, calls one library function, and prints what it returns."""
