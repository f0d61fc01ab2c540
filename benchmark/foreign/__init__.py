"""Embeddings that other software made: their formats, and how their columns become those that are scored."""
