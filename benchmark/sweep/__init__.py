"""Sweeps: cells, run keys, worker processes, provenance."""
