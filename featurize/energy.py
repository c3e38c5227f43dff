"""The energy that this machine used meanwhile, where it can be read.

Processors count it on Linux (Intel's and AMD's RAPL, by the kernel's powercap interface; often only root may read it),
NVIDIA's GPUs by NVML, where its Python package (`nvidia-ml-py`) is installed. The counters are those of whole
processors and cards: what other programs used is in them, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")  # Documentation/power/powercap/powercap.rst of the Linux kernel


@dataclass(frozen=True)
class Counter:
    """A counter of energy at one moment.

    Parameters
    ----------
    microjoules : int
    range : int
        Where it begins at 0 again, in microjoules; 0 where it doesn't.
    """

    microjoules: int
    range: int = 0


Reading = Mapping[str, Counter]  # by the counter's name


def read() -> Reading:
    """All counters that can be read now; none on most virtual machines."""
    return {**_processors(), **_gpus()}


def joules(before: Reading, after: Reading) -> float | None:
    """What was used between two readings; None where no counter is in both.

    A counter that began at 0 again once is read rightly; processors take some minutes or more for a round.
    """
    both = before.keys() & after.keys()
    if not both:
        return None
    return sum(_between(before[name], after[name]) for name in both) / 1e6


def _between(before: Counter, after: Counter) -> int:
    used = after.microjoules - before.microjoules
    return used if used >= 0 else used + after.range


def _processors() -> Reading:
    """Each processor package; what lies inside one (cores, memory) is counted in it."""
    found = {}
    for zone in sorted(POWERCAP.glob("intel-rapl:[0-9]*")):
        if zone.name.count(":") > 1:
            continue
        with contextlib.suppress(OSError, ValueError):  # not for this user, or no number
            used, most = (int((zone / name).read_text()) for name in ("energy_uj", "max_energy_range_uj"))
            found[zone.name] = Counter(used, most)
    return found


def _gpus() -> Reading:
    """Each GPU that counts (Volta and later)."""
    try:
        import pynvml
    except ImportError:
        return {}
    try:
        pynvml.nvmlInit()
        cards = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(pynvml.nvmlDeviceGetCount())]
        return {
            f"gpu:{n}": Counter(1000 * pynvml.nvmlDeviceGetTotalEnergyConsumption(card)) for n, card in enumerate(cards)
        }
    except pynvml.NVMLError:
        return {}
