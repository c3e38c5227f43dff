"""What runs a network: one small contract, several implementations."""

from featurize.engines.base import Engine

__all__ = ["Engine"]
