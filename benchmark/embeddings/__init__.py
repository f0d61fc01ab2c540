"""The one table format of embeddings, and readers of what other software writes."""
