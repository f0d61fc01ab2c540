"""A subject's brain: biology drawn once a subject, tissue maps computed from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.data.phantom.atlas import FLOW_STEPS, LARGEST_FLOW, Atlas
from benchmark.data.phantom.cohort import AGE_MEAN, AGE_SD
from benchmark.data.phantom.draws import DRAWS
from benchmark.data.phantom.fields import sample, smooth_field
from benchmark.data.phantom.settings import PhantomSettings
from benchmark.seeds import generator

#: Mean severity of each diagnosis; their spread makes neighbours overlap (CN against AD is 95 % separable by it).
SEVERITY = {"CN": 0.0, "MCI": 1.0, "AD": 2.0, "PD": 0.0}
SEVERITY_SD = 0.6


@dataclass(frozen=True)
class Biology:
    """What a subject's brain is like at one session; all but the sizes in arbitrary units around 0.

    Attributes
    ----------
    age
        Years.
    severity
        Of Alzheimer-like disease, continuous: about 0 for CN, 1 for MCI, 2 for AD.
    ventricle_growth, hippocampal_loss, cortical_loss
        What severity, age and the subject's own baseline add up to.
    nigral_change
        Change of the deep grey matter, in PD.
    width, length, height
        Size of the head relative to the template.
    """

    age: float
    severity: float
    ventricle_growth: float
    hippocampal_loss: float
    cortical_loss: float
    nigral_change: float
    width: float
    length: float
    height: float

    def truth(self) -> dict[str, float]:
        """Columns of the truth table."""
        return {f"bio_{name}": value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Tissue:
    """Tissue shares of a subject on the grid, each (x, y, z) in [0, 1].

    Attributes
    ----------
    grey, white, csf
        Tissue shares; CSF is sulcal and ventricular together.
    brain
        Brain mask, bool.
    ventricle_ml
        Volume of the ventricles in millilitres.
    """

    grey: NDArray[np.float32]
    white: NDArray[np.float32]
    csf: NDArray[np.float32]
    brain: NDArray[np.bool_]
    ventricle_ml: float


def biology(
    settings: PhantomSettings,
    subject: str,
    diagnosis: str,
    sex: str,
    age: float,
    years: float,
    normals: NDArray[np.float64] | None = None,
) -> Biology:
    """Draw a subject's biology at baseline and let ``years`` pass.

    Parameters
    ----------
    settings
        The phantom's seed and the spread of head sizes are used.
    subject, diagnosis, sex
        Of the subject.
    age
        Years at baseline.
    years
        Time since baseline; disease progresses with it.
    normals
        What is drawn, shape (DRAWS,), standard normal: severity, the baselines of ventricles, hippocampus and cortex,
        nigral change, width, length, height. Drawn by the subject's name where it is not given.
    """
    if normals is None:
        normals = generator(settings.seed, "biology", subject).standard_normal(DRAWS)
    severity = SEVERITY[diagnosis] + SEVERITY_SD * float(normals[0])
    ventricle, hippocampus, cortex = 0.35 * normals[1:4]
    nigral = (1.5 if diagnosis == "PD" else 0.0) + 0.5 * float(normals[4])
    # Men's heads are larger by nearly one standard deviation.
    width, length, height = 1 + settings.head_size * (normals[5:] + (0.43 if sex == "M" else -0.43))
    at_baseline = Biology(age, severity, ventricle, hippocampus, cortex, nigral, width, length, height)
    return _grown(at_baseline, years, 0.1 * years * (diagnosis in ("MCI", "AD")))


def _grown(baseline: Biology, years: float, progress: float) -> Biology:
    age, severity = baseline.age + years, baseline.severity + progress
    old = (age - AGE_MEAN) / AGE_SD
    return replace(
        baseline,
        age=age,
        severity=severity,
        ventricle_growth=baseline.ventricle_growth + 0.55 * severity + 0.25 * old,
        hippocampal_loss=baseline.hippocampal_loss + 0.6 * severity + 0.15 * old,
        cortical_loss=baseline.cortical_loss + 0.5 * severity + 0.25 * old,
    )


def tissue(settings: PhantomSettings, atlas: Atlas, subject: str, state: Biology) -> Tissue:
    """Tissue shares of a subject: the atlas, deformed, with its ventricles grown and its grey matter lost."""
    shape = settings.shape
    rng = generator(settings.seed, "shape", subject)
    coarse = smooth_field(rng, shape, (6, 7, 6), 3) * (1.6 / settings.spacing)
    fine = smooth_field(rng, shape, (11, 13, 11), 3) * (0.8 / settings.spacing)
    texture = smooth_field(rng, shape, (16, 19, 16), 2)
    grid = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij"))
    middle = (np.array(shape, np.float32)[:, None, None, None] - 1) / 2
    size = np.array([state.width, state.length, state.height], np.float32)[:, None, None, None]
    position = middle + (grid - middle) / size + coarse + fine
    position += _flow_at(atlas, position, state.ventricle_growth, settings.spacing)

    grey, white, sulci, ventricle, temporal, deep = sample(atlas.maps, position)
    cortex = np.clip(1 - 2 * deep, 0, 1)
    lost = _share(0.30, state.hippocampal_loss) * temporal * 2.2 + _share(0.12, state.cortical_loss) * cortex
    lost = np.clip(lost, 0, 0.85) * grey
    faded = _share(0.10, state.nigral_change) * deep * grey
    grey, sulci, white = grey - lost - faded, sulci + lost, white + faded
    mask = grey + white + sulci + ventricle > 0.5
    return Tissue(
        grey=np.asarray(grey * (1 + 0.02 * texture[0]), np.float32),
        white=np.asarray(white * (1 + 0.02 * texture[1]), np.float32),
        csf=np.asarray(sulci + ventricle, np.float32),
        brain=mask,
        ventricle_ml=float(ventricle.sum() * settings.spacing**3 / 1000),
    )


def _share(scale: float, amount: float) -> float:
    # Softplus: a brain can be better preserved than average, but has nothing to lose less than none.
    return scale * float(np.log1p(np.exp(2 * (amount + 0.5))) / 2)


def _flow_at(atlas: Atlas, position: NDArray[np.float32], growth: float, spacing: float) -> NDArray[np.float32]:
    """Displacement of the sampling points for an amount of ventricle growth, in voxels."""
    millimetres = _share(4.8, growth)
    step = min(millimetres / LARGEST_FLOW, 1.0) * FLOW_STEPS
    low = min(int(step), FLOW_STEPS - 1)
    field = atlas.flow[low] + (step - low) * (atlas.flow[low + 1] - atlas.flow[low])
    return sample(field, position)
