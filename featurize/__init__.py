"""From paintings to embeddings: dataset tables, pictures, backbones, extraction into a feature cache.

Begin with `prepare`, go on with `extract`; `Embedder` does it inside a scikit-learn pipeline. docs/python.md is a
short introduction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cache.lazy import hand_out

if TYPE_CHECKING:
    from featurize.dataset.audit import Audit as Audit
    from featurize.dataset.audit import audit as audit
    from featurize.dataset.audit import audit_lists as audit_lists
    from featurize.dataset.choosing.selection import Selection as Selection
    from featurize.dataset.prepare import Prepared as Prepared
    from featurize.dataset.prepare import prepare as prepare
    from featurize.dataset.sources import Reading as Reading
    from featurize.dataset.table import DatasetTable as DatasetTable
    from featurize.dataset.table import read_table as read_table
    from featurize.dataset.table import write_table as write_table
    from featurize.embedder import Embedder as Embedder
    from featurize.errors import FeaturizeError as FeaturizeError
    from featurize.exchange.export import export as export
    from featurize.exchange.importing import Imported as Imported
    from featurize.exchange.importing import import_vectors as import_vectors
    from featurize.gallery import draw_gallery as draw_gallery
    from featurize.inside import activations_figure as activations_figure
    from featurize.inside import activations_of_blocks as activations_of_blocks
    from featurize.inside import activations_of_layer as activations_of_layer
    from featurize.inside import attention_figure as attention_figure
    from featurize.inside import attention_maps as attention_maps
    from featurize.inside import filters_figure as filters_figure
    from featurize.inside import filters_of as filters_of
    from featurize.networks.network import choose_network as choose_network
    from featurize.run.extract import Extraction as Extraction
    from featurize.run.extract import Settings as Settings
    from featurize.run.extract import extract as extract
    from featurize.run.verify import verify as verify
else:
    __getattr__, __dir__, __all__ = hand_out(
        __name__,
        {
            "featurize.dataset.audit": "Audit audit audit_lists",
            "featurize.dataset.prepare": "Prepared prepare",
            "featurize.dataset.choosing.selection": "Selection",
            "featurize.dataset.sources": "Reading",
            "featurize.dataset.table": "DatasetTable read_table write_table",
            "featurize.embedder": "Embedder",
            "featurize.errors": "FeaturizeError",
            "featurize.exchange.importing": "Imported import_vectors",
            "featurize.gallery": "draw_gallery",
            "featurize.inside": "activations_figure activations_of_blocks activations_of_layer "
            "attention_figure attention_maps filters_figure filters_of",
            "featurize.networks.network": "choose_network",
            "featurize.exchange.export": "export",
            "featurize.run.extract": "Extraction Settings extract",
            "featurize.run.verify": "verify",
        },
    )
