"""Energy is what the machine's counters say between two moments, and nothing where there are none."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from featurize import energy


@pytest.fixture
def zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two processors as Linux shows them; the cores inside the first are counted in it."""
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    for name, used in (("intel-rapl:0", 5_000_000), ("intel-rapl:0:0", 4_000_000), ("intel-rapl:1", 900_000_000)):
        count(tmp_path, name, used)
        (tmp_path / name / "max_energy_range_uj").write_text("1000000000\n")
    return tmp_path


def count(zones: Path, name: str, used: int) -> None:
    (zones / name).mkdir(exist_ok=True)
    (zones / name / "energy_uj").write_text(f"{used}\n")


def test_each_processor_is_counted_once(zones: Path) -> None:
    before = energy.read()
    count(zones, "intel-rapl:0", 7_000_000)
    count(zones, "intel-rapl:0:0", 6_000_000)
    count(zones, "intel-rapl:1", 901_500_000)
    assert energy.joules(before, energy.read()) == pytest.approx(3.5)


def test_a_counter_that_began_anew_is_read_rightly(zones: Path) -> None:
    before = energy.read()
    count(zones, "intel-rapl:1", 20_000_000)
    assert energy.joules(before, energy.read()) == pytest.approx(120)


def test_what_can_not_be_read_is_not_counted(zones: Path) -> None:
    (zones / "intel-rapl:1" / "energy_uj").unlink()
    before = energy.read()
    count(zones, "intel-rapl:0", 6_000_000)
    count(zones, "intel-rapl:1", 950_000_000)  # only now: nobody knows what it said before
    assert energy.joules(before, energy.read()) == pytest.approx(1)


def test_without_counters_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "POWERCAP", tmp_path / "none")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert energy.joules(energy.read(), energy.read()) is None


@pytest.mark.parametrize("works", [True, False])
def test_cards_are_counted_where_their_driver_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    class NVMLError(Exception):
        pass

    used = iter([1_000, 2_000, 1_250, 2_500])  # millijoules of two cards, twice

    def energy_of(card: int) -> int:
        if not works:
            raise NVMLError("not supported")
        return next(used)

    fake = SimpleNamespace(
        NVMLError=NVMLError, nvmlInit=lambda: None, nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda n: n, nvmlDeviceGetTotalEnergyConsumption=energy_of,
    )  # fmt: skip
    monkeypatch.setattr(energy, "POWERCAP", tmp_path / "none")
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    found = energy.joules(energy.read(), energy.read())
    assert found == (pytest.approx(0.75) if works else None)
