"""Retrieval, leakage and structure scores of low-dimensional representations."""
