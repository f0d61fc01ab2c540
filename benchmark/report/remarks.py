"""What readers of a sweep's tables are told of its methods: model selection, the policy for an unseen site, notes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from benchmark.protocols import LEAVE_ONE_SITE_OUT

#: Name of the note of a method that used unlabelled scans of the held-out site.
TRANSDUCTIVE = "transductive"

#: Names of notes that the footers say from the method's card, of all methods in one line
#: (:attr:`benchmark.methods.card.MethodCard.needs_site_at_test`).
ON_CARD = frozenset({"site_label"})

SELECTION = (
    "Model selection: none within a run. The weights are those at the end of training, averaged over its last part "
    "where the method says so. No oracle selection (by scores of these scans) is made but where a column says so, and "
    "there is no oracle table. Settings were chosen before, on other data: docs/method_log.md."
)

_NUMBER = re.compile(r"\d+")


def remarks(noted: Iterable[tuple[str, str, Mapping[str, str]]]) -> list[str]:
    """Lines for the footers of the tables.

    Parameters
    ----------
    noted
        Method, protocol and notes by name of every run, in any order.

    Returns
    -------
    list of str
        The model selection; where sites are held out, which methods used unlabelled scans of the held-out site, and
        that the others did not; then the other notes. Notes of a method that differ in their numbers alone are one.
    """
    runs = list(noted)
    lines = [SELECTION]
    if any(protocol == LEAVE_ONE_SITE_OUT for _, protocol, _ in runs):
        lines.append(_unseen_site(runs))
    rest = {
        (method, name): [
            notes[name]
            for other, protocol, notes in runs
            if other == method and name in notes and not (name == TRANSDUCTIVE and protocol == LEAVE_ONE_SITE_OUT)
        ]
        for method, _, given in runs
        for name in given.keys() - ON_CARD
    }
    return lines + sorted(
        f"{method}: {named(name, text)}" for (method, name), texts in rest.items() for text in merged(texts)
    )


def named(name: str, text: str) -> str:
    """A note as text; of a transductive method with that word."""
    return f"{TRANSDUCTIVE}: {text}" if name == TRANSDUCTIVE else text


def merged(texts: Iterable[str]) -> list[str]:
    """The texts in alphabetical order; those that differ in whole numbers alone become one, with ranges of them."""
    found: dict[str, list[Sequence[int]]] = {}
    for text in texts:
        found.setdefault(_NUMBER.sub("\0", text), []).append([int(number) for number in _NUMBER.findall(text)])
    return sorted(_filled(skeleton, list(zip(*numbers, strict=True))) for skeleton, numbers in found.items())


def _filled(skeleton: str, numbers: Sequence[Sequence[int]]) -> str:
    first, *rest = skeleton.split("\0")
    spans = [f"{min(each)} to {max(each)}" if len(set(each)) > 1 else str(each[0]) for each in numbers]
    return first + "".join(span + text for span, text in zip(spans, rest, strict=True))


def _unseen_site(runs: Sequence[tuple[str, str, Mapping[str, str]]]) -> str:
    texts: dict[str, list[str]] = {}
    for method, protocol, notes in runs:
        if protocol == LEAVE_ONE_SITE_OUT and TRANSDUCTIVE in notes:
            texts.setdefault(method, []).append(notes[TRANSDUCTIVE])
    told = [f"{method} is {TRANSDUCTIVE} ({'; '.join(merged(texts[method]))})" for method in sorted(texts)]
    others = "every other method" if told else "every method"
    return "Leave one site out, the unseen site: " + "; ".join([*told, f"{others} is applied to it unchanged."])
