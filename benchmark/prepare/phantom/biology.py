"""A subject's biology: age and disease, and what they do to the volumes of structures.

Sizes of effects, each relative to healthy people of 71 years:

- Hippocampus and amygdala: -12 % in MCI and -23.6 % in AD, at effect sizes (Cohen's d) of 0.85 and 1.56 (Shi et al.,
  Hippocampus 2009, meta-analysis); -0.85 % a year in healthy ageing (Fraser et al., NeuroImage 2015, meta-analysis),
  and 3.3 % a year more in AD than in controls (Barnes et al., Neurobiology of Aging 2009, meta-analysis).
- Cortex: -6.8 % in AD at d = 1.3 (mean thickness 2.20 ± 0.12 and 2.05 ± 0.11 mm; Bakkour et al., NeuroImage 2013), half
  of it in MCI; -0.3 % a year, between that paper's difference of young and old and longitudinal rates of 0.5 %.
- Lateral ventricles: 1.5 times as large in AD at d = 0.9 on the logarithm, half of that in MCI, 4 % a year. That they
  grow fastest in AD is established (Nestor et al., Brain 2008); these sizes are our choice.
- Deep grey matter: -4 % in PD at d = 0.7, our choice.

Disease has three dimensions: how severe it is; its subtype, from limbic-predominant to hippocampal-sparing, as a third
of patients have either of them (Ferreira et al., Scientific Reports 2017); and its extent, from temporal and parietal
cortex alone to the frontal cortex as well.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

#: Numbers that a subject's biology is drawn from; see :func:`biology`.
DRAWS = 10
#: Age, in years, at which the factors of healthy people are 1 on average.
REFERENCE_AGE = 71.0
#: Mean severity of each diagnosis and its standard deviation, which makes neighbouring diagnoses overlap.
SEVERITY = {"CN": 0.0, "MCI": 1.0, "AD": 2.0}
SEVERITY_SD = 0.6
#: Severity gained in a year.
PROGRESS = {"MCI": 0.14, "AD": 0.27}
#: Change for each unit of severity, change for each year, standard deviation between healthy people of one age; of
#: volumes relative to their mean, and of the ventricles' logarithm.
HIPPOCAMPUS = (-0.118, -0.0085, 0.133)
CORTEX = (-0.034, -0.003, 0.048)
VENTRICLES = (0.203, 0.04, 0.43)
#: Change of the deep grey matter in PD, and standard deviation between people.
DEEP_GREY = (-0.04, 0.055)
#: How far one standard deviation of the subtype moves the disease from the cortex to the hippocampus.
SUBTYPE = 0.3
#: Ranges of the factors: beyond them no anatomy could be made.
RANGES = {"ventricles": (0.35, 4.5), "hippocampus": (0.45, 1.45), "cortex": (0.75, 1.15), "deep_grey": (0.8, 1.2)}


@dataclass(frozen=True)
class Biology:
    """What a subject's brain is like at one session.

    Attributes
    ----------
    age
        Years.
    severity
        Of Alzheimer-like disease, continuous: about 0 for CN, 1 for MCI, 2 for AD.
    subtype
        Standard normal between subjects: above 0 the disease takes more of the hippocampus, below 0 of the cortex.
    extent
        Standard normal between subjects: above 0 frontal cortex is lost as well, below 0 only temporal and parietal.
    ventricles, hippocampus, cortex, deep_grey
        Volumes of the lateral ventricles, of hippocampus and amygdala, of the cortex and of the deep grey matter,
        relative to healthy people of the reference age. What those have, the anatomies' source says.
    width, length, height
        Size of the head, relative to the source's.
    """

    age: float
    severity: float
    subtype: float
    extent: float
    ventricles: float
    hippocampus: float
    cortex: float
    deep_grey: float
    width: float
    length: float
    height: float

    def truth(self) -> dict[str, float]:
        """Columns of the truth table."""
        return {f"bio_{name}": value for name, value in asdict(self).items()}


def biology(
    diagnosis: str, sex: str, age: float, years: float, normals: NDArray[np.float64], head_size: float
) -> Biology:
    """Biology of a subject, ``years`` after its first session.

    Parameters
    ----------
    diagnosis
        ``CN``, ``MCI``, ``AD`` or ``PD``.
    sex
        ``F`` or ``M``.
    age
        Years at the first session.
    years
        Time since then; disease progresses with it.
    normals
        Shape (DRAWS,), standard normal: severity, subtype, extent, the subject's own hippocampus, cortex, ventricles
        and deep grey matter, width, length and height of the head.
    head_size
        Standard deviation of the head's sizes, as a share.
    """
    severity = SEVERITY.get(diagnosis, 0.0) + SEVERITY_SD * float(normals[0]) + PROGRESS.get(diagnosis, 0.0) * years
    subtype, extent = float(normals[1]), float(normals[2])
    old = age + years - REFERENCE_AGE
    towards_hippocampus = 1 + SUBTYPE * subtype
    factors = {
        "hippocampus": 1 + _change(HIPPOCAMPUS, severity * towards_hippocampus, old, normals[3]),
        "cortex": 1 + _change(CORTEX, severity * (2 - towards_hippocampus), old, normals[4]),
        "ventricles": float(np.exp(_change(VENTRICLES, severity, old, normals[5]))),
        "deep_grey": 1 + DEEP_GREY[0] * (diagnosis == "PD") + DEEP_GREY[1] * float(normals[6]),
    }
    # Men's heads are larger by nearly one standard deviation.
    width, length, height = (float(n) for n in 1 + head_size * (normals[7:] + (0.43 if sex == "M" else -0.43)))
    return Biology(
        age=age + years,
        severity=severity,
        subtype=subtype,
        extent=extent,
        **{name: float(np.clip(value, *RANGES[name])) for name, value in factors.items()},
        width=width,
        length=length,
        height=height,
    )


def _change(effect: tuple[float, float, float], severity: float, years: float, own: float) -> float:
    by_severity, by_year, spread = effect
    return by_severity * severity + by_year * years + spread * float(own)
