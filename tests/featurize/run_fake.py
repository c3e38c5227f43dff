"""`featurize` with the fake engine, as a process that can be killed.

python -m tests.featurize.run_fake PAUSE ARGUMENTS...
"""

from __future__ import annotations

import sys

from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.engines.fake import FakeEngines
from featurize.run import plans
from tests.featurize import fake

if __name__ == "__main__":
    plans.SEGMENT_PICTURES = 16
    fake.decode_here()
    raise SystemExit(run(cli, sys.argv[2:], FakeEngines(pause=float(sys.argv[1]))))
