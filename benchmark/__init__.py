"""Data path, metrics, runner and tables of seada-bench; methods are reached by class path only."""
