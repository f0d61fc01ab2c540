"""T1-weighted contrast: signal of each structure by the sequence's equation, for a field strength and a protocol."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.prepare.phantom.brain import STRUCTURES

#: Longitudinal relaxation times in ms at 1.5 and 3 T, and proton density relative to water.
#:
#: Times of white matter, cortex and deep grey matter (mean of putamen and caudate) are as measured by Wright et al.,
#: MAGMA 2008; those of hippocampus and brainstem, which lie between white matter and cortex, of fluid, and of what
#: surrounds the brain (a mix of meninges, bone and fat) are our choice. So are densities, within the usual ranges; that
#: of the surroundings is low because bone gives no signal.
T1_AND_DENSITY = {
    "cortex": (1197.0, 1607.0, 0.82),
    "white": (646.0, 838.0, 0.70),
    "deep_grey": (1097.0, 1364.0, 0.78),
    "medial_temporal": (1150.0, 1520.0, 0.82),
    "brainstem": (720.0, 930.0, 0.72),
    "csf": (4000.0, 4200.0, 1.0),
    "ventricles": (4200.0, 4400.0, 1.0),
    "head": (420.0, 480.0, 0.28),
}
#: Signal that no nulling removes (partial volume, noise floor, flow), relative to white matter.
FLOOR = 0.12
#: Readouts of one inversion in MP-RAGE, and the time between two of them in ms.
READOUTS, ECHO_SPACING = 170, 7.1


@dataclass(frozen=True)
class Protocol:
    """How a scanner weights an image by T1.

    Attributes
    ----------
    sequence
        ``MP-RAGE`` or ``SPGR``.
    tesla
        Field strength; 1.5 or above it 3.
    flip
        Flip angle in degrees.
    repetition
        Repetition time in ms: from inversion to inversion (MP-RAGE) or from pulse to pulse (SPGR).
    inversion
        Inversion time in ms (MP-RAGE).
    """

    sequence: str
    tesla: float
    flip: float
    repetition: float
    inversion: float = 0.0


#: What strengths of contrast below 1 tend to.
REFERENCE = Protocol("MP-RAGE", 3.0, 9.0, 2300.0, 950.0)


def draw_protocol(rng: np.random.Generator, tesla: float) -> Protocol:
    """A protocol of the kind in use: MP-RAGE at two sites of three, spoiled gradient echo (SPGR) at the third.

    Ranges cover the protocols of ADNI (Jack et al., JMRI 2008) and the product sequences of three manufacturers.
    """
    if rng.random() < 2 / 3:
        return Protocol("MP-RAGE", tesla, rng.uniform(7, 10), rng.uniform(2000, 2500), inversion=rng.uniform(880, 1100))
    return Protocol("SPGR", tesla, rng.uniform(18, 30), rng.uniform(9, 22))


def signals(protocol: Protocol) -> NDArray[np.float64]:
    """Signal of every structure, relative to white matter.

    Returns
    -------
    ndarray
        Shape (structure,), above 0, structures as in :data:`benchmark.prepare.phantom.brain.STRUCTURES`.
    """
    at_low_field, at_high_field, density = np.array([T1_AND_DENSITY[name] for name in STRUCTURES]).T
    times = at_high_field if protocol.tesla > 2 else at_low_field
    flip = np.deg2rad(protocol.flip)
    weighting = _mp_rage(protocol, times, flip) if protocol.sequence == "MP-RAGE" else _spgr(protocol, times, flip)
    raw = density * np.abs(weighting)
    relative: NDArray[np.float64] = np.hypot(raw / raw[STRUCTURES.index("white")], FLOOR)
    relative /= relative[STRUCTURES.index("white")]
    return relative


def _spgr(protocol: Protocol, times: NDArray[np.float64], flip: float) -> NDArray[np.float64]:
    """Steady state of a spoiled gradient echo (Ernst and Anderson, Review of Scientific Instruments 1966)."""
    decay = np.exp(-protocol.repetition / times)
    state: NDArray[np.float64] = np.sin(flip) * (1 - decay) / (1 - np.cos(flip) * decay)
    return state


def _mp_rage(protocol: Protocol, times: NDArray[np.float64], flip: float) -> NDArray[np.float64]:
    """Magnetisation at the middle of the readouts, in the steady state over inversions (Deichmann et al., 2000)."""
    train = READOUTS * ECHO_SPACING
    before = protocol.inversion - train / 2
    after = protocol.repetition - before - train
    towards = (1 - np.exp(-ECHO_SPACING / times)) / (1 - np.cos(flip) * np.exp(-ECHO_SPACING / times))
    effective = 1 / (1 / times - np.log(np.cos(flip)) / ECHO_SPACING)
    first, second, readout = np.exp(-before / times), np.exp(-after / times), np.exp(-train / effective)
    start = (1 - second + second * (towards * (1 - readout) + readout * (1 - first))) / (1 + second * readout * first)
    inverted = 1 - first - first * start
    middle: NDArray[np.float64] = np.sin(flip) * (towards + (inverted - towards) * np.exp(-train / 2 / effective))
    return middle
