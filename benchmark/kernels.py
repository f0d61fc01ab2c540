"""Kernels of OpenBLAS and MKL that give the same bytes: whatever the model of the processor, and every time."""

from __future__ import annotations

import os
from pathlib import Path

#: What OpenBLAS, which NumPy and SciPy bring along, and MKL, which PyTorch does, take the name of their kernels from.
OPENBLAS, MKL = "OPENBLAS_CORETYPE", "MKL_CBWR"
#: What kernels for AVX-512 need of a processor.
AVX512 = frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})


def choose_kernels(processor: Path = Path("/proc/cpuinfo")) -> None:
    """Name kernels by what the processor can, for libraries that are loaded from now on, here and in child processes.

    - OpenBLAS knows processors by their model. One that is newer than the OpenBLAS, as for that of NumPy 1.26 is any
      Intel Xeon from the fifth generation on, gets kernels of 2004: products of matrices take four times as long, and
      end in other digits, so that a phantom made there would not have the digests that it has elsewhere.
    - On processors of Intel, MKL's sums depend on where in memory an array begins: a model that is loaded again gives
      other last digits. In its strict mode of conditional reproducibility they do not, which costs a few percent of the
      time.

    A variable that is set already is left as it is.

    Parameters
    ----------
    processor
        What Linux says of the processor; nothing is chosen where there is no such file.
    """
    if not processor.is_file():
        return
    told: dict[str, str] = {}
    for line in processor.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        # The first core's; the others are alike.
        told.setdefault(name.strip(), value)
    flags = set(told.get("flags", "").split())
    if flags >= AVX512:
        os.environ.setdefault(OPENBLAS, "SkylakeX")
    if told.get("vendor_id", "").strip() == "GenuineIntel":
        if flags >= AVX512:
            os.environ.setdefault(MKL, "AVX512,STRICT")
        elif "avx2" in flags:
            os.environ.setdefault(MKL, "AVX2,STRICT")
