"""`classify serve` with a fake engine, as a process: a pause, then the arguments of the command."""

from __future__ import annotations

import sys

from classify.commands.main import cli
from featurize.commands.console import run
from featurize.engines.fake import FakeEngines
from tests.featurize import fake

if __name__ == "__main__":
    fake.decode_here()
    sys.exit(run(cli, ["serve", *sys.argv[2:]], FakeEngines(pause=float(sys.argv[1]))))
