"""`python -m featurize` is the command `featurize`."""

from featurize.commands.main import main

main()
