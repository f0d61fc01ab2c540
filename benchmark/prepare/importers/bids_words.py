"""Words for diagnoses and sexes in participants.tsv, which BIDS leaves to each dataset."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.data.schema import DIAGNOSES, SEXES, nearest
from benchmark.errors import UserError
from benchmark.prepare.importers.normalise import folded, missing, sex

#: Words that many datasets use, by the diagnosis that they mean; small letters, no punctuation.
WORDS = {
    "CN": "cn, control, controls, con, ctrl, ctl, hc, healthy, nc, nl, normal, cu, healthy control, healthy controls, "
    "normal control, healthy volunteer, cognitively normal, cognitively unimpaired",
    "MCI": "mci, emci, lmci, amci, mild cognitive impairment",
    "AD": "ad, alzheimer, alzheimers, dat, alzheimer disease, ad dementia, probable ad, alzheimer dementia",
    "PD": "pd, parkinson, parkinsons, parkinson disease",
    "SWEDD": "swedd",
    "PRODROMAL": "prodromal, prodromal pd",
    "OTHER": "other, ftd, dlb, lbd, psp, msa, vad, vascular dementia",
}
_COMMON = {word: diagnosis for diagnosis, words in WORDS.items() for word in words.split(", ")}


class Diagnoses:
    """Diagnoses of words, the user's ``own`` before the common ones.

    ``unknown`` gets the words that were met and are neither; they are ``OTHER``. An own diagnosis that manifests do not
    have is an error.
    """

    def __init__(self, own: Mapping[str, str]) -> None:
        _check("diagnosis_map", own, DIAGNOSES)
        self.own = {word.strip(): diagnosis for word, diagnosis in own.items()}
        self.folded = {folded(word): diagnosis for word, diagnosis in own.items() if folded(word)}
        self.unknown: set[str] = set()

    def __call__(self, text: str) -> str:
        """Diagnosis of a word; "" where it is missing."""
        word = folded(text)
        if text in self.own or word in self.folded:
            return self.own[text] if text in self.own else self.folded[word]
        if missing(text):
            return ""
        if word not in _COMMON:
            self.unknown.add(text)
        return _COMMON.get(word, "OTHER")


class Sexes:
    """Sexes of words and codes, the user's ``own`` before the common ones; ``unknown`` gets those that are neither."""

    def __init__(self, own: Mapping[str, str]) -> None:
        _check("sex_map", own, SEXES)
        self.own = dict(own)
        self.unknown: set[str] = set()

    def __call__(self, text: str) -> str:
        """Sex of a word; "" where it is missing or neither."""
        found = sex(text, self.own)
        if not found and text not in self.own and not missing(text):
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
