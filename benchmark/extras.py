"""Parts of the suite that are installed by request: which modules each of them brings."""

from __future__ import annotations

#: Extra of the distribution to the top-level modules of what it installs.
EXTRAS = {
    "train": (
        "SimpleITK", "lightning", "neuroCombat", "neuroHarmonize", "nibabel", "nilearn",
        "pytorch_metric_learning", "safetensors", "torch", "torchio",
    ),
    "import": (
        "SimpleITK", "bids", "dicom2nifti", "intensity_normalization", "nibabel", "nilearn", "openpyxl", "pydicom",
    ),
    "cluster": ("submitit",),
    "track": ("wandb",),
    "anndata": ("anndata",),
    "onnx": ("onnxruntime",),
    "search": ("python_multipart", "starlette", "usearch", "uvicorn"),
}  # fmt: skip


def extra_of(error: ImportError, preferred: str = "train") -> str | None:
    """Extra that installs the module that could not be imported; None if none does.

    Parameters
    ----------
    error
        What the import raised.
    preferred
        Extra to name where several install the module.
    """
    top = (error.name or "").partition(".")[0]
    having = [extra for extra, modules in EXTRAS.items() if top in modules]
    return preferred if preferred in having else next(iter(having), None)
