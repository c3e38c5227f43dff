"""`python -m classify` is the command `classify`."""

from classify.commands.main import main

main()
