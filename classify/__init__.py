"""From embeddings to styles: heads, honest comparison, reports, prediction."""
