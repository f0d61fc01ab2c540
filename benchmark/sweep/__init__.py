"""Sweeps: runs, run keys, worker processes, provenance."""
