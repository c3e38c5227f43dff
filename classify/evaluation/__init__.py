"""What may be said of answers that are there: figures of one head, tests between several. Arrays in, plain data out."""
