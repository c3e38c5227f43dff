"""Looks inside a network: its filters, and what its layers make of a picture, as arrays and as figures."""

from __future__ import annotations

from featurize.inside.activations import Activations, activations_of_blocks, activations_of_layer
from featurize.inside.attention import Attention, attention_maps
from featurize.inside.figures import activations_figure, attention_figure, filters_figure
from featurize.inside.filters import Filters, filters_of
from featurize.inside.layers import Layer, find_layer, list_layers

__all__ = [
    "Activations",
    "Attention",
    "Filters",
    "Layer",
    "activations_figure",
    "activations_of_blocks",
    "activations_of_layer",
    "attention_figure",
    "attention_maps",
    "filters_figure",
    "filters_of",
    "find_layer",
    "list_layers",
]
