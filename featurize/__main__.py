"""`python -m featurize` is the command `featurize`."""

from featurize.cli import main

main()
