"""What a method's YAML file states of the method for the readers of tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

#: Label of a scan that methods see only where their card says so.
DIAGNOSIS = "diagnosis"

#: What a row of a table is: a method that competes, or a bound of all of them.
Role = Literal["method", "floor", "ceiling"]


@dataclass(frozen=True)
class MethodCard:
    """Facts on a method that scores do not show; option ``card`` of `seada-bench fit`, part of no run key.

    Attributes
    ----------
    role
        ``floor`` and ``ceiling`` bound the others: they are no candidate in any comparison and are never the best.
    reference
        Where the method comes from; empty for none.
    tried_settings
        How many settings were tried to choose the method's own, at least; 0 for none.
    chosen_on
        Data that they were chosen on, and by what; empty where none were tried.
    augmentations_imitate
        Families of scanner effects that the method's augmentations imitate, by the phantom's names: contrast, bias,
        noise, resolution, gradient, motion, mask, registration, quantisation.
    additions
        What is not from the method's paper but its implementer's own, in one line.
    needs_site_at_test
        Whether the site of a scan must be known to embed it.
    transductive
        Whether unlabelled scans of an unseen site are used to embed that site's scans.
    uses
        Labels of training scans that training looks at, of site, age, sex and diagnosis. A method that sees diagnoses
        stands in a block of its own in the tables, and does not compete with those that see none.
    """

    role: Role = "method"
    reference: str = ""
    tried_settings: int = 0
    chosen_on: str = ""
    augmentations_imitate: list[str] = field(default_factory=list)
    additions: str = ""
    needs_site_at_test: bool = False
    transductive: bool = False
    uses: list[str] = field(default_factory=list)

    @property
    def sees_diagnoses(self) -> bool:
        """Whether training looks at the diagnoses of training scans."""
        return DIAGNOSIS in self.uses
