"""Looking at collections through their embeddings."""
