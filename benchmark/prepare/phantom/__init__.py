"""A multi-site T1 phantom made from the ICBM 152 tissue maps: real anatomy, known truth, free to redistribute."""

from benchmark.prepare.phantom.generate import generate, write_manifests
from benchmark.prepare.phantom.settings import PhantomSettings

__all__ = ["PhantomSettings", "generate", "write_manifests"]
