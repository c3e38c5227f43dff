"""From paintings to embeddings: dataset tables, pictures, backbones, extraction into a feature cache."""
