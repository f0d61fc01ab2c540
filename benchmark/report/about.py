"""What readers of tables are told beside the scores: synthetic data, how settings were chosen, seconds of compute."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

from benchmark.errors import UserError
from benchmark.methods.card import MethodCard, Role
from benchmark.report.summary import ordered
from benchmark.report.text import SEES_DIAGNOSES, grouped

#: Entry of ``provenance.json`` that holds it.
ABOUT = "about"

SYNTHETIC = (
    "Synthetic data: scans of a phantom, not of people. What holds here may not hold on scans of people, and holds for "
    "the phantom's version and settings alone."
)


@dataclass(frozen=True)
class Seconds:
    """Mean seconds of a run of a method, on the machine that the provenance names.

    Attributes
    ----------
    training
        Training and embedding, that of a shared base included; NaN where unknown.
    scoring
        Scoring.
    """

    training: float
    scoring: float


@dataclass(frozen=True)
class About:
    """What a results folder records once, and every table, page and plot shows.

    Attributes
    ----------
    synthetic
        Whether any scan is synthetic (:func:`benchmark.data.synthetic.is_synthetic`).
    cards
        What each method's YAML file states; methods without a statement are absent.
    seconds
        By protocol, then method.
    machine
        What the seconds were taken on.
    notes
        Lines for footers: the model selection, what a reader must know of single methods.
    methods
        In table order.
    shared_subjects
        By protocol, the share of test subjects that two seeds have in common, as on real data, where every seed
        divides the same people; protocols whose seeds share none are absent.
    """

    synthetic: bool = False
    cards: Mapping[str, MethodCard] = field(default_factory=dict)
    seconds: Mapping[str, Mapping[str, Seconds]] = field(default_factory=dict)
    machine: str = ""
    notes: Sequence[str] = ()
    methods: Sequence[str] = ()
    shared_subjects: Mapping[str, float] = field(default_factory=dict)

    def title(self, title: str) -> str:
        """A title that says so where data are synthetic."""
        return f"{title} (synthetic data)" if self.synthetic else title

    def lines(self, methods: Sequence[str]) -> list[str]:
        """Lines for the footer of every table.

        Parameters
        ----------
        methods
            Those of the table, in its order.
        """
        cards = {method: self.cards[method] for method in methods if method in self.cards}
        # Floor and ceiling have no settings and use nothing.
        cards = {method: card for method, card in cards.items() if card.role == "method"}
        lines = [SYNTHETIC] if self.synthetic else []
        if cards:
            lines += [_settings(cards), *_facts(cards)]
        if seeing := [method for method, card in cards.items() if card.sees_diagnoses]:
            lines.append(
                f"Trained with the diagnoses of training subjects: {', '.join(seeing)}. Other rows see none, so that "
                "these do not compete with them, are never the best, and are in no statistics between methods."
            )
        if self.seconds:
            where = f" ({self.machine})" if self.machine else ""
            lines.append(
                f"train s: mean seconds of training and embedding in a run{where}, those of a shared base included. "
                "Scoring is in provenance.json. Both depend on what else the machine did."
            )
        return lines

    @property
    def bounds(self) -> dict[str, str]:
        """Methods that do not compete, with why not: ``floor``, ``ceiling``, or that they see diagnoses."""
        roles = {method: card.role for method, card in self.cards.items() if card.role != "method"}
        seeing = [method for method, card in self.cards.items() if card.sees_diagnoses and method not in roles]
        return {**roles, **dict.fromkeys(seeing, SEES_DIAGNOSES)}

    def order(self, methods: Iterable[str]) -> list[str]:
        """Methods in table order, then those that it does not name, in the alphabet's; see :meth:`apart_last`."""
        return self.apart_last(ordered(methods, self.methods))

    def apart_last(self, methods: Iterable[str]) -> list[str]:
        """Methods as they come, and those that see diagnoses after the others."""
        return sorted(methods, key=lambda method: self.bounds.get(method) == SEES_DIAGNOSES)

    @property
    def candidates(self) -> list[str]:
        """Methods that compete, in table order."""
        return [method for method in self.methods if method not in self.bounds]

    def to_json(self) -> dict[str, Any]:
        """Plain values for the provenance; unknown seconds are None."""
        content = {**asdict(self), "notes": list(self.notes), "methods": list(self.methods)}
        for of_methods in content["seconds"].values():
            for seconds in of_methods.values():
                seconds |= {name: None for name, value in seconds.items() if not math.isfinite(value)}
        return content

    @classmethod
    def of(cls, provenance: Mapping[str, Any]) -> About:
        """What a provenance records; nothing for results that were made before there was anything to record.

        Raises
        ------
        UserError
            For a card with an entry that cards do not have, or of another kind, and for a share that is none.
        """
        found = provenance.get(ABOUT)
        if not isinstance(found, dict):
            return cls()
        return cls(
            synthetic=bool(found.get("synthetic")),
            cards={method: _card(method, card) for method, card in found.get("cards", {}).items()},
            seconds={
                protocol: {
                    method: Seconds(**{name: math.nan if value is None else value for name, value in one.items()})
                    for method, one in of_methods.items()
                }
                for protocol, of_methods in found.get("seconds", {}).items()
            },
            machine=str(found.get("machine", "")),
            notes=tuple(found.get("notes", ())),
            methods=tuple(found.get("methods", ())),
            shared_subjects=_shares(found.get("shared_subjects", {})),
        )


def _shares(given: Any) -> dict[str, float]:
    """Shares as a folder holds them, which may be anybody's."""
    values = list(given.values()) if isinstance(given, dict) else [given]
    for value in values:
        if not isinstance(value, float | int) or not 0 <= value <= 1:
            raise UserError(f"provenance.json: about.shared_subjects: '{value}' is not allowed; it must be in [0, 1]")
    return {protocol: float(value) for protocol, value in given.items()}


def _card(method: str, given: Any) -> MethodCard:
    """A card as a folder holds it, which may be anybody's."""
    blank = asdict(MethodCard())
    where = f"provenance.json: card of '{method}'"
    if not isinstance(given, dict):
        raise UserError(f"{where}: '{given}' is not allowed; it must be an object")
    for name, value in given.items():
        if name not in blank:
            raise UserError(f"{where}: no entry '{name}'; allowed: {', '.join(blank)}")
        texts = not isinstance(value, list) or all(isinstance(one, str) for one in value)
        if type(value) is not type(blank[name]) or not texts or (name == "role" and value not in get_args(Role)):
            raise UserError(f"{where}: {name}: '{value}' is not allowed")
    return MethodCard(**given)


def _settings(cards: Mapping[str, MethodCard]) -> str:
    tried = {name: card.chosen_on or "data that its file does not name" for name, card in cards.items()}
    told = [
        f"{', '.join(f'{name} {cards[name].tried_settings}' for name in names)}, chosen on {data}"
        for data, names in grouped({name: data for name, data in tried.items() if cards[name].tried_settings}).items()
    ]
    none = [name for name, card in cards.items() if not card.tried_settings]
    told += [f"none for {', '.join(none)}"] if none else []
    return (
        f"Settings tried for each method, at least: {'; '.join(told)}. Choosing by test scores, be it on other data, "
        "favours methods of which more settings were tried."
    )


def _facts(cards: Mapping[str, MethodCard]) -> list[str]:
    imitating = grouped({name: ", ".join(card.augmentations_imitate) for name, card in cards.items()})
    lines = [
        f"Augmentations of {', '.join(methods)} imitate these families of scanner effects: {families}. Robustness to "
        "them says nothing of other families."
        for families, methods in imitating.items()
        if families
    ]
    added = [f"{method}: {card.additions}" for method, card in cards.items() if card.additions]
    if added:
        lines.append(f"Additions that are not in the method's paper. {'. '.join(added)}.")
    used = grouped({name: ", ".join(card.uses) for name, card in cards.items() if card.uses})
    if used:
        told = "; ".join(f"{labels}: {', '.join(methods)}" for labels, methods in used.items())
        lines.append(f"Labels of training scans that training uses, by those methods alone that are named. {told}.")
    needing = [method for method, card in cards.items() if card.needs_site_at_test]
    if needing:
        lines.append(f"The site of a scan must be known to embed it by: {', '.join(needing)}; by no other method.")
    return lines
