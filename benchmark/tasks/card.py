"""The card of a submission: what its maker states, for it cannot be read off vectors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

import yaml

from benchmark.configs import METHODS
from benchmark.errors import UserError
from benchmark.methods.card import MethodCard
from benchmark.metrics.settings import Distance
from benchmark.report.text import CHANCE

#: What may be read of a card, and of one of its texts.
MOST_BYTES, MOST_CHARACTERS = 64 * 1024, 300

#: Names become parts of file names and of tables.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}")
#: Texts stand on pages, in tables and in cells: no markup, no control characters, no beginning of a formula.
_MARKUP = re.compile(r"[<>`|\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_FORMULA = ("=", "+", "-", "@")

LABELS = ("site", "age", "sex", "diagnosis")

#: What the page of a task shows.
TEMPLATE = """\
name: my_method              # how tables call it
inputs: T1 volumes of the task, without masks
reference: a paper or a repository
uses: []                     # labels of training scans that training looks at, of: site, age, sex, diagnosis
needs_site_at_test: false    # must the site of a scan be known to embed it?
transductive: false          # are unlabelled scans of an unseen site used?
other_data: none             # what weights come from besides the training scans
tried_settings: 1            # how many settings were tried, at least
chosen_on: validation scans  # on what they were chosen, and by what
"""


@dataclass(frozen=True)
class SubmissionCard:
    """What is stated of submitted embeddings; fields without a default must be given.

    Attributes
    ----------
    name
        How tables call the method.
    inputs
        What is put into it.
    reference, tried_settings, chosen_on, needs_site_at_test, transductive, uses
        As in :class:`benchmark.methods.card.MethodCard`.
    other_data
        Data that weights come from besides the task's training scans; ``none`` for none.
    additions, augmentations_imitate
        As in :class:`benchmark.methods.card.MethodCard`.
    own_distance
        Distance that the method declares as its own, as a method of the suite may.
    """

    name: str
    inputs: str
    reference: str
    uses: list[str]
    needs_site_at_test: bool
    transductive: bool
    other_data: str
    tried_settings: int
    chosen_on: str
    additions: str = ""
    augmentations_imitate: list[str] = field(default_factory=list)
    own_distance: str | None = None

    def for_tables(self) -> MethodCard:
        """The card as methods of the suite have one; a submission competes, and is no bound."""
        shared = {one.name for one in fields(MethodCard)} & {one.name for one in fields(self)}
        return MethodCard(**{name: getattr(self, name) for name in shared})

    def notes(self) -> list[str]:
        """Lines for the footers of tables."""
        stated = [f"inputs: {self.inputs}", f"other data: {self.other_data}"]
        stated += ["transductive: unlabelled scans of an unseen site are used"] * self.transductive
        return [
            f"{self.name}: submitted embeddings, which this suite did not make; what training used is as the card "
            f"states. {'; '.join(stated)}."
        ]


def read_card(path: Path) -> SubmissionCard:
    """Read a card; nothing in it is run.

    Raises
    ------
    UserError
        For a file that cannot be read, a field that is unknown, missing or of another type, and a text or a name that
        is not allowed; the message is one line.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path}: has {path.stat().st_size} bytes; a card has {MOST_BYTES} at most")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" (line {place.line + 1})" if place is not None else ""
        raise UserError(f"{path}: not a YAML file in UTF-8{where}; nothing but plain values is allowed") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: a card is a mapping with the fields {_allowed()}")
    known = {one.name: str(one.type) for one in fields(SubmissionCard)}
    for name in content:
        if name not in known:
            raise UserError(f"{path}: field {shown(name)} is unknown; allowed: {_allowed()}")
    for name in list(known)[: list(known).index("additions")]:
        if name not in content:
            raise UserError(f"{path}: field '{name}' is missing; a card has {_allowed()}")
    for name, value in content.items():
        _check(path, name, value, known[name])
    card = SubmissionCard(**content)
    _check_name(path, card.name)
    for label in card.uses:
        if label not in LABELS:
            raise UserError(f"{path}: field 'uses': {shown(label)} is not allowed; allowed: {', '.join(LABELS)}")
    if card.tried_settings < 0:
        raise UserError(f"{path}: field 'tried_settings': {card.tried_settings} is not allowed; it must be at least 0")
    if card.own_distance not in (None, *get_args(Distance)):
        raise UserError(
            f"{path}: field 'own_distance': {shown(card.own_distance)} is not allowed; "
            f"allowed: {', '.join(get_args(Distance))}"
        )
    return card


def shown(value: Any) -> str:
    """A value of a stranger for a message: text on one line, cut off; of anything else the type."""
    if isinstance(value, str):
        return ascii(value if len(value) <= 40 else value[:40] + "...")
    return str(value)[:40] if isinstance(value, bool | int | float) else f"a {type(value).__name__}"


def _check(path: Path, name: str, value: Any, kind: str) -> None:
    if kind.startswith("list"):
        if not isinstance(value, list):
            raise UserError(f"{path}: field '{name}': {shown(value)} is not allowed; it must be a list of texts")
        for one in value:
            _check(path, name, one, "str")
        return
    allowed: dict[str, tuple[type, str]] = {"bool": (bool, "true or false"), "int": (int, "a whole number")}
    wanted, words = allowed.get(kind, (str, "a text"))
    if value is None and kind.endswith("None"):
        return
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise UserError(f"{path}: field '{name}': {shown(value)} is not allowed; it must be {words}")
    if not isinstance(value, str):
        return
    if name not in ("additions", "chosen_on") and not value.strip():
        raise UserError(f"{path}: field '{name}': empty is not allowed; it must be a text")
    if len(value) > MOST_CHARACTERS:
        raise UserError(f"{path}: field '{name}': has {len(value)} characters; {MOST_CHARACTERS} are allowed")
    if _MARKUP.search(value) or value.strip().startswith(_FORMULA):
        raise UserError(
            f"{path}: field '{name}': {shown(value)} is not allowed; it must be one line without <, >, `, | and "
            f"control characters, and not begin with {' '.join(_FORMULA)}"
        )


def _check_name(path: Path, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{path}: field 'name': {shown(name)} is not allowed; it must be up to 40 letters, digits, '.', '_' and "
            "'-' that begin with a letter"
        )
    own = {file.stem for file in METHODS.glob("*.yaml")} | {CHANCE, "method"}
    if name.lower() in own:
        raise UserError(f"{path}: field 'name': '{name}' is a name of the suite's own; choose another")


def _allowed() -> str:
    return ", ".join(one.name for one in fields(SubmissionCard))
