"""The campaigns in tiny, and each known mistake found by the campaign that is there for it.

Processes of their own: campaigns fork, and some need the C library's calls watched from the start.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import sizes
from tests.campaigns import shim
from tests.campaigns.plants import PLANTS
from tests.conftest import ROOT

NEED_SHIM = ("faults", "order")
FOUND_BY = {  # planted mistake -> the campaign that finds it
    "no-fsync": "order",
    "no-folder-fsync": "order",
    "no-settling": "order",
    "rename-first": "order",
    "no-checksum": "bits",
    "varying-batch": "kill",
    "delete-first": "faults",
    "raw-errors": "faults",
    "no-retry": "races",
    "shared-temporary": "races",
    "no-sweep": "kill",
}
EVERY_DAY = ("no-fsync", "rename-first", "no-checksum", "varying-batch")


def torture(campaign: str, count: int, *more: str) -> subprocess.CompletedProcess[str]:
    if not sys.platform.startswith("linux"):
        pytest.skip("campaigns fork, and read the processor time of other processes as Linux has it")
    if campaign in NEED_SHIM and not shim.available():
        pytest.skip("watching the C library's calls needs gcc")
    command = [sys.executable, "scripts/torture.py", campaign, "--count", str(count), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def check_clean(campaign: str, count: int) -> None:
    done = torture(campaign, count)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{count} trials" in done.stdout
    assert " 0 violations" in done.stdout


@pytest.mark.parametrize("campaign", sizes.CAMPAIGN_TRIALS)
def test_nothing_is_violated(campaign: str) -> None:
    check_clean(campaign, sizes.CAMPAIGN_TRIALS[campaign])


def test_nothing_is_violated_in_an_object_store() -> None:
    """A server that speaks S3, of which some requests fail, are lost, cut or stalled."""
    pytest.importorskip("moto")
    pytest.importorskip("obstore")
    done = torture("kill", sizes.STORE_TRIALS, "--store", "s3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sizes.STORE_TRIALS} trials" in done.stdout
    assert " requests)" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("campaign", sizes.STORE_TRIALS_SLOW)
def test_nothing_is_violated_in_many_trials_in_an_object_store(campaign: str) -> None:
    pytest.importorskip("moto")
    done = torture(campaign, sizes.STORE_TRIALS_SLOW[campaign], "--store", "s3")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_campaign_about_files_has_no_object_store() -> None:
    done = torture("order", 1, "--store", "s3")
    assert done.returncode == 2
    assert "order is about files" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("campaign", sizes.CAMPAIGN_TRIALS_SLOW)
def test_nothing_is_violated_in_many_trials(campaign: str) -> None:
    check_clean(campaign, sizes.CAMPAIGN_TRIALS_SLOW[campaign])


def check_found(plant: str) -> None:
    done = torture(FOUND_BY[plant], sizes.TRIALS_TO_FIND, "--plant", plant)
    assert done.returncode == 1, done.stdout + done.stderr
    assert " 1 violations" in done.stdout


@pytest.mark.parametrize("plant", EVERY_DAY)
def test_a_planted_mistake_is_found(plant: str) -> None:
    check_found(plant)


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTS)
def test_every_planted_mistake_is_found(plant: str) -> None:
    check_found(plant)
