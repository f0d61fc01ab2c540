"""Data path, metrics, sweeps and tables of seada-bench; methods are reached by class path only."""
