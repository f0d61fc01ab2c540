"""Somebody else's trained encoder, as it is: any map from a T1 volume to a vector, on a grid of its own."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from baselines.closed_form import ClosedForm
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import Batch


class FrozenEncoder(ClosedForm):
    """A trained encoder that the benchmark does not change; nothing is fitted.

    The suite's volume (template space, R, A, S axes, mean 0 and SD 1 in the mask, 0 outside) is resampled around its
    centre to the encoder's grid, its axes are turned and its intensities scaled as the encoder expects them. What an
    encoder wants beyond that, such as another template or bias correction, belongs into the preparation of the images.

    Parameters
    ----------
    file
        TorchScript (as in MONAI bundles, ``models/model.ts``), ONNX (``.onnx``, needs onnxruntime), or with ``encoder``
        the weights for it, a state dict. None for an encoder that brings its weights with it.
    sha256
        Of the file: the run key must know which weights they are. Without it the error says what to write.
    encoder
        The network as a Python class, volumes (batch, channel, x, y, z) to vectors; None if the file has it.
    shape
        Voxels of the encoder's input along its axes; None for the suite's grid.
    spacing
        Edge of a voxel of it in mm; None for the suite's.
    orientation
        Where the encoder's axes point to, such as ``RAS`` or ``LPS``.
    intensities
        ``zscore``, as the suite has them, or ``unit``, 0 to 1 from the darkest to the brightest voxel of the mask.
    channels
        How many times the volume is given, for encoders of several contrasts.
    output
        Name or number of the output, where the encoder gives several. Axes of space are averaged over.

    Raises
    ------
    MethodError
        When it is built: for a file that cannot be read or is another, or a volume that the encoder refuses.
    """

    def __init__(
        self,
        file: str | None = None,
        sha256: str | None = None,
        encoder: nn.Module | None = None,
        shape: tuple[int, int, int] | None = None,
        spacing: float | None = None,
        orientation: str = "RAS",
        intensities: Literal["zscore", "unit"] = "zscore",
        channels: int = 1,
        output: str | int | None = None,
    ) -> None:
        super().__init__()
        self.file = file
        self.sha256 = sha256
        # Not a submodule: checkpoints need no copy of weights that nobody trains.
        self.__dict__["encoder"] = encoder
        self.shape = shape
        self.spacing = spacing
        self.orientation = orientation
        self.intensities = intensities
        self.channels = channels
        self.output = output
        self._loaded = False
        if file is None and encoder is None:
            raise MethodError("FrozenEncoder: file or encoder must be given")
        for name, given in (("shape", shape or (1,)), ("channels", (channels,))):
            if min(given) < 1:
                raise MethodError(f"FrozenEncoder: {name} {list(given)} is not allowed; it must be at least 1")
        if spacing is not None and not 0 < spacing < math.inf:
            raise MethodError(f"FrozenEncoder: spacing {spacing} is not allowed; it must be above 0 mm")
        axes = ["RL".find, "AP".find, "SI".find]
        if sorted(next((i for i, of in enumerate(axes) if of(code) >= 0), 3) for code in orientation) != [0, 1, 2]:
            raise MethodError(f"FrozenEncoder: orientation '{orientation}' is not allowed; allowed: such as RAS or LPS")

    def build(self, spec: DataSpec) -> None:
        """Load the encoder, and try it on a volume."""
        self.spec = spec
        self._load()
        probe = torch.zeros(1, 1, *spec.shape)
        probe[..., spec.shape[0] // 2, :, :] = 1.0
        try:
            vector = self._vectors(probe)
        except Exception as error:
            given = tuple(self._prepared(probe).shape)
            first = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
            raise MethodError(f"FrozenEncoder: the encoder refuses a volume of shape {given}: {first}") from error
        if vector.ndim != 2 or not torch.isfinite(vector).all():
            raise MethodError("FrozenEncoder: the encoder gives no finite vector for a volume")

    @torch.no_grad()
    def embed(self, batch: Batch) -> Tensor:
        """The encoder's vectors, shape (batch, dimension)."""
        self._load()
        return self._vectors(batch["volume"]).to(batch["volume"])

    def _vectors(self, volume: Tensor) -> Tensor:
        encoder: nn.Module = self.__dict__["encoder"].to(volume.device)
        made: Any = encoder(self._prepared(volume))
        if self.output is not None:
            made = made[self.output]
        elif isinstance(made, (tuple, list, dict)):
            names = list(made) if isinstance(made, dict) else list(range(len(made)))
            raise MethodError(f"it gives several outputs; set output to one of {names}")
        vectors: Tensor = made.flatten(2).mean(dim=2) if made.ndim > 2 else made
        return vectors

    def _prepared(self, volume: Tensor) -> Tensor:
        """Volumes as the encoder expects them, shape (batch, channel, its x, its y, its z)."""
        if self.spec is None:
            raise MethodError("FrozenEncoder is not built: it needs the datamodule's spec")
        if self.intensities == "unit":
            inside = volume != 0
            low = volume.masked_fill(~inside, torch.inf).amin((1, 2, 3, 4), keepdim=True)
            high = volume.masked_fill(~inside, -torch.inf).amax((1, 2, 3, 4), keepdim=True)
            volume = torch.where(inside, (volume - low) / (high - low).clamp_min(1e-6), 0.0)
        order = [next(i for i, pair in enumerate(("RL", "AP", "SI")) if code in pair) for code in self.orientation]
        volume = volume.permute(0, 1, *(2 + axis for axis in order))
        volume = volume.flip([2 + number for number, code in enumerate(self.orientation) if code in "LPI"])
        spacing = self.spacing or self.spec.spacing
        shape = self.shape or tuple(volume.shape[2:])
        # In units of half the volume, from the outer edge of a voxel to that of another.
        reach = [n * spacing / (old * self.spec.spacing) for n, old in zip(shape, volume.shape[2:], strict=True)]
        if not all(math.isclose(part, 1.0) for part in reach) or shape != tuple(volume.shape[2:]):
            matrix = torch.diag(torch.tensor([*reach[::-1], 0.0]))[:3].to(volume)
            grid = functional.affine_grid(matrix.expand(len(volume), 3, 4), [len(volume), 1, *shape], False)
            volume = functional.grid_sample(volume, grid, mode="bilinear", align_corners=False)
        return volume.expand(-1, self.channels, -1, -1, -1)

    def _load(self) -> None:
        if self._loaded:
            return
        if self.file is not None:
            path = Path(self.file)
            self._check(path)
            try:
                if self.__dict__["encoder"] is not None:
                    state = torch.load(path, map_location="cpu", weights_only=True)
                    self.__dict__["encoder"].load_state_dict(state.get("state_dict", state))
                else:
                    self.__dict__["encoder"] = (
                        _ONNX(path) if path.suffix == ".onnx" else torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
                    )
            except Exception as error:
                first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                raise MethodError(f"FrozenEncoder: file '{path}' cannot be used: {first}") from error
        for parameter in self.__dict__["encoder"].eval().parameters():
            parameter.requires_grad_(False)
        self._loaded = True

    def _check(self, path: Path) -> None:
        try:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise MethodError(f"FrozenEncoder: file '{path}' cannot be read: {error.strerror}") from error
        if self.sha256 is None:
            raise MethodError(f"FrozenEncoder: sha256 must be given with file; that of '{path}' is {found}")
        if self.sha256.lower() != found:
            raise MethodError(f"FrozenEncoder: file '{path}' has the sha256 {found}, not {self.sha256}")


class _ONNX(nn.Module):
    """An ONNX model, on one CPU thread, so that sums have one order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            import onnxruntime
        except ImportError as error:
            raise MethodError("onnxruntime is not installed: pip install 'seada-bench[onnx]'") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def forward(self, volume: Tensor) -> Any:
        """Volumes (batch, channel, x, y, z) to the only output, or to all by name."""
        given = {self.session.get_inputs()[0].name: volume.cpu().numpy()}
        made = [torch.as_tensor(one) for one in self.session.run(None, given)]
        names = [one.name for one in self.session.get_outputs()]
        return made[0] if len(made) == 1 else dict(zip(names, made, strict=True))
