"""How the statistics between methods are made."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.errors import UserError

#: Scores of the primary comparisons, one a table of results: retrieval, leakage, and what an LDR must keep. Chosen
#: before any result was seen with them; every other score is exploratory.
PRIMARY_SCORES = ("map_cn_ad", "mlp_standardised", "travelling_top1")

#: Two-sided level of every test, and one minus the coverage of every interval.
LEVEL = 0.05

#: Power with which the smallest detectable differences are found.
POWER = 0.8


@dataclass(frozen=True)
class StatisticsSettings:
    """How the statistics between methods are made; every field can change numbers.

    Attributes
    ----------
    resamples
        Hierarchical bootstrap resamples; with one seed the stored resamples of its subjects are used as they are.
    seed
        Of the bootstrap's draws.
    reference
        Method whose comparisons with every other one, on the primary scores, are the primary ones; None for no
        primary comparison. Writers of tables put the first method of the table's order here where it is None.
    primary_scores
        Keys of the columns of the primary comparisons.
    """

    resamples: int = 1000
    seed: int = 0
    reference: str | None = None
    primary_scores: tuple[str, ...] = PRIMARY_SCORES

    def __post_init__(self) -> None:
        for name, lowest in (("resamples", 2), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < lowest:
                raise UserError(f"{name}: {value} is not allowed; it must be an integer >= {lowest}")
