"""Runs without a network and without companions: what they need of a fake beside `featurize.engines.fake`."""

from __future__ import annotations

import pytest

from featurize.pictures import decoder_processes


def decode_here(patch: pytest.MonkeyPatch | None = None) -> None:
    """Decode pictures in the same process: starting another takes longer than a run with the fake engine."""
    set_attribute = patch.setattr if patch else setattr
    set_attribute(decoder_processes, "pixels_of", decoder_processes.pixels_here)
    set_attribute(decoder_processes, "start", lambda count: None)
