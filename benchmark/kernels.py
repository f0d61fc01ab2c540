"""The kernels of OpenBLAS, which NumPy and SciPy bring along: the same ones on every processor with AVX-512."""

from __future__ import annotations

import os
from pathlib import Path

#: What OpenBLAS takes the name of its kernels from, when it is loaded.
VARIABLE = "OPENBLAS_CORETYPE"
#: The kernels for AVX-512, and what these need of a processor.
KERNELS = "SkylakeX"
NEEDED = frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})


def choose_kernels(processor: Path = Path("/proc/cpuinfo")) -> None:
    """Let OpenBLAS use the kernels for AVX-512 wherever the processor can, unless :data:`VARIABLE` is set.

    An OpenBLAS knows processors by their model. One that is newer than the OpenBLAS, as for that of NumPy 1.26 is any
    Intel Xeon from the fifth generation on, gets kernels of 2004: products of matrices take four times as long, and
    end in other digits, so that a phantom made there would not have the digests that it has elsewhere. To be called
    before NumPy is loaded; processes that are started afterwards inherit the choice.

    Parameters
    ----------
    processor
        What Linux says of the processor; nothing is chosen where there is no such file.
    """
    if VARIABLE in os.environ or not processor.is_file():
        return
    for line in processor.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            if set(value.split()) >= NEEDED:
                os.environ[VARIABLE] = KERNELS
            return
