"""`featurize` that kills itself in the middle of a run: one segment is stored, and the next one is being computed.

python -m tests.featurize.networks.killed ARGUMENTS...
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cache import Artifacts
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.engines import Engine, EngineChoice, make_engine
from featurize.networks.network import Network
from featurize.networks.recipes import Formula
from featurize.run import plans
from tests.featurize import fake

BATCHES = 8  # in a segment, the fewest there are
_PATIENCE = 60.0  # seconds in which a segment is stored


def dying(network: Network, formulas: Sequence[Formula], choice: EngineChoice, artifacts: Artifacts) -> Engine:
    """The real engine, which ends its process in the second batch of the second segment."""
    engine = make_engine(network, formulas, choice, artifacts)
    compute, seen, segments = engine.run, [], Path(artifacts.place)

    def once_more(pixels):  # type: ignore[no-untyped-def]
        seen.append(None)
        until = time.monotonic() + _PATIENCE
        while len(seen) > BATCHES + 1 and time.monotonic() < until:
            if list(segments.glob("*.h5")):
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(0.02)
        return compute(pixels)

    engine.run = once_more  # type: ignore[method-assign]
    return engine


if __name__ == "__main__":
    fake.decode_here()
    plans.SEGMENT_PICTURES = 16
    raise SystemExit(run(cli, sys.argv[1:], dying))
