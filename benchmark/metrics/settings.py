"""How embeddings are scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from benchmark.errors import UserError
from benchmark.metrics.similarity import Distance


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
    permutations
        Refits of the linear and the k-nearest-neighbour probe with permuted labels, whose mean is the probe's
        chance level; 0 for none.
    mlp_permutations
        The same for the MLP probe, whose refits cost most.
    folds
        Cross-validation folds of the probes, subjects kept together; reduced to the number of subjects of the
        smallest class.
    neighbours
        Neighbours of the k-nearest-neighbour probe.
    bootstrap
        Resamples of query subjects for the 95 % intervals of overall retrieval scores; 0 for none.
    seed
        Of the permutations, the MLP's initial weights and the bootstrap.
    """

    distances: tuple[Distance, ...] = ("cosine_centred",)
    permutations: int = 5
    mlp_permutations: int = 2
    folds: int = 5
    neighbours: int = 10
    bootstrap: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        allowed = get_args(Distance)
        for distance in self.distances:
            if distance not in allowed:
                raise UserError(f"distances: '{distance}' is not allowed; allowed: {', '.join(allowed)}")
        if not self.distances:
            raise UserError(f"distances: none given; give one or more of {', '.join(allowed)}")
        least = {"permutations": 0, "mlp_permutations": 0, "folds": 2, "neighbours": 1, "bootstrap": 0, "seed": 0}
        for name, lowest in least.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < lowest:
                raise UserError(f"{name}: {value} is not allowed; it must be an integer >= {lowest}")
