"""How embeddings are scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from benchmark.errors import UserError

Distance = Literal["cosine_centred", "cosine", "euclidean", "whitened", "within_subject"]
Probe = Literal["linear", "knn", "mlp", "boosting"]


@dataclass(frozen=True)
class EvaluationSettings:
    """How embeddings are scored; every field can change numbers.

    Attributes
    ----------
    distances
        Similarities that scans are ranked by: ``cosine_centred`` (cosine after subtracting the training scans'
        mean), ``cosine``, ``euclidean``, ``whitened``, ``within_subject`` (see
        :func:`benchmark.metrics.similarity.vectors_of`). The wide tables show ``cosine_centred`` where it is among
        them, and the first in the alphabet otherwise.
    own_distance
        Distance that the embeddings' method declares as its own, in its configuration; None for none. It is scored
        beside the others, its rows say ``headline=own``, and the wide tables show it for this method.
    probes
        Classifiers that leakage is measured by: any of ``linear``, ``knn``, ``mlp``, ``boosting``.
    permutations
        Refits of the linear and the k-nearest-neighbour probe with permuted labels, whose mean is the probe's
        chance level; 0 for none.
    mlp_permutations
        The same for the MLP and the boosting probe, whose refits cost most.
    test_permutations
        Permutations of the sites over subjects for p-values; 0 for none. The smallest p is 1 / (1 + permutations).
    folds
        Cross-validation folds of the probes, subjects kept together; reduced to the number of subjects of the
        smallest class.
    inner_folds
        Folds within the training part of each fold, by which a probe's regularisation is chosen (nested
        cross-validation); 0 for fixed values. For the MLP, whose fits cost most, the first of them decides, and
        boosting has one value: its rows say ``inner_used=1``, and nothing of inner folds.
    neighbours
        Neighbours of the k-nearest-neighbour probe; nested cross-validation also tries half and twice as many.
    probe_scans
        Most scans that probes and tests see; of more, those of randomly drawn subjects, which the `params` say.
    age_strata
        Parts of equal size that ages are cut into for conditional leakage.
    graded
        Whether to add nDCG@10 with graded relevance: a scan's own diagnosis 2, the next in the order CN, MCI, AD 1.
    bootstrap
        Resamples of query subjects for the 95 % intervals of overall retrieval scores; 0 for none.
    seed
        Of the permutations, the MLP's initial weights and the bootstrap.
    """

    distances: tuple[Distance, ...] = ("cosine_centred",)
    own_distance: Distance | None = None
    probes: tuple[Probe, ...] = ("linear", "knn", "mlp", "boosting")
    permutations: int = 5
    mlp_permutations: int = 1
    test_permutations: int = 199
    folds: int = 5
    inner_folds: int = 3
    neighbours: int = 10
    probe_scans: int = 2000
    age_strata: int = 2
    graded: bool = True
    bootstrap: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in (("distances", Distance), ("probes", Probe)):
            allowed, given = get_args(kind), getattr(self, name)
            for one in given:
                if one not in allowed:
                    raise UserError(f"{name}: '{one}' is not allowed; allowed: {', '.join(allowed)}")
            if not given:
                raise UserError(f"{name}: none given; give one or more of {', '.join(allowed)}")
        if self.own_distance not in (None, *get_args(Distance)):
            raise UserError(
                f"own_distance: '{self.own_distance}' is not allowed; allowed: {', '.join(get_args(Distance))}"
            )
        for name, lowest in _LEAST.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < lowest:
                raise UserError(f"{name}: {value} is not allowed; it must be an integer >= {lowest}")
        if self.inner_folds == 1:
            raise UserError("inner_folds: 1 is not allowed; it must be 0 or an integer >= 2")

    @property
    def every_distance(self) -> tuple[Distance, ...]:
        """Distances to score: the method's own first, where it has one."""
        if self.own_distance is None:
            return self.distances
        return (self.own_distance, *(one for one in self.distances if one != self.own_distance))


#: Smallest allowed value of every number.
_LEAST = {
    "permutations": 0,
    "mlp_permutations": 0,
    "test_permutations": 0,
    "folds": 2,
    "inner_folds": 0,
    "neighbours": 1,
    "probe_scans": 50,
    "age_strata": 1,
    "bootstrap": 0,
    "seed": 0,
}
