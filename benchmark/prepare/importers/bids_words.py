"""Words for diagnoses and sexes in participants.tsv, which BIDS leaves to each dataset."""

from __future__ import annotations

import re
from collections.abc import Mapping

from benchmark.data.schema import DIAGNOSES, SEXES, nearest
from benchmark.errors import UserError
from benchmark.prepare.importers import normalise

#: Words that many datasets use, by the diagnosis that they mean; small letters, no punctuation.
WORDS = {
    "CN": (
        "cn control controls con ctrl ctl hc healthy nc nl normal cu",
        ("healthy control", "healthy controls", "normal control", "healthy volunteer", "cognitively normal"),
        ("cognitively unimpaired",),
    ),
    "MCI": ("mci emci lmci amci", ("mild cognitive impairment",)),
    "AD": ("ad alzheimer alzheimers dat", ("alzheimer disease", "ad dementia", "probable ad", "alzheimer dementia")),
    "PD": ("pd parkinson parkinsons", ("parkinson disease",)),
    "SWEDD": ("swedd",),
    "PRODROMAL": ("prodromal", ("prodromal pd",)),
    "OTHER": ("other ftd dlb lbd psp msa vad", ("vascular dementia",)),
}


def _folded(text: str) -> str:
    plain = re.sub(r"['’]s\b", "", text.casefold())
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split())


def _known() -> dict[str, str]:
    found: dict[str, str] = {}
    for diagnosis, groups in WORDS.items():
        for group in groups:
            found |= dict.fromkeys(group.split() if isinstance(group, str) else group, diagnosis)
    return found


class Diagnoses:
    """Diagnoses of words, the user's own before the common ones.

    Parameters
    ----------
    own
        Diagnosis by word.

    Attributes
    ----------
    unknown
        Words that were met and are neither; they are ``OTHER``.

    Raises
    ------
    UserError
        For a diagnosis that manifests do not have.
    """

    def __init__(self, own: Mapping[str, str]) -> None:
        _check("diagnosis_map", own, DIAGNOSES)
        self.own = {word.strip(): diagnosis for word, diagnosis in own.items()}
        self.folded = {_folded(word): diagnosis for word, diagnosis in own.items() if _folded(word)}
        self.common = _known()
        self.unknown: set[str] = set()

    def __call__(self, text: str) -> str:
        """Diagnosis of a word; "" where it is missing."""
        if text in self.own:
            return self.own[text]
        folded = _folded(text)
        if folded in self.folded:
            return self.folded[folded]
        if normalise.missing(text):
            return ""
        if folded not in self.common:
            self.unknown.add(text)
        return self.common.get(folded, "OTHER")


class Sexes:
    """Sexes of words and codes, the user's own before the common ones.

    Parameters
    ----------
    own
        ``F`` or ``M`` by word or code.

    Attributes
    ----------
    unknown
        Words that were met and are neither; the sex is unknown.

    Raises
    ------
    UserError
        For a sex that manifests do not have.
    """

    def __init__(self, own: Mapping[str, str]) -> None:
        _check("sex_map", own, SEXES)
        self.own = dict(own)
        self.unknown: set[str] = set()

    def __call__(self, text: str) -> str:
        """Sex of a word; "" where it is missing or neither."""
        found = normalise.sex(text, self.own)
        if not found and text not in self.own and not normalise.missing(text):
            self.unknown.add(text)
        return found


def _check(option: str, own: Mapping[str, str], allowed: tuple[str, ...]) -> None:
    for word, value in own.items():
        if value and value not in allowed:
            similar = nearest(value, allowed)
            hint = f" (did you mean {similar}?)" if similar else ""
            listing = ", ".join(allowed)
            raise UserError(
                f"{option}: '{word}': '{value}' is not allowed{hint}; it must be one of {listing}, or empty"
            )
