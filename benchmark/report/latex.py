"""Wide tables as LaTeX fragments."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from benchmark.report.columns import Column
from benchmark.report.page.wide import Address, best_methods, cell_notes, chance
from benchmark.report.summary import Entry, Section
from benchmark.report.text import CHANCE, section_title

#: First line of every fragment.
MARK = "% Written by seada-bench tables. Needs \\usepackage{booktabs}."

#: Columns of numbers that a page has room for; a wider table becomes several floats.
MOST_COLUMNS = 12

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "_": r"\_",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    "`": r"{\char96}",
    "'": r"{\char39}",
    # A bare bracket or star after the end of a row would be an argument of that end.
    "[": r"{[}",
    "]": r"{]}",
    "*": r"{*}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "–": r"--",
    "—": r"---",
    "…": r"\dots{}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\rightarrow$",
    "−": r"$-$",
    "¹": "$^1$",
    "²": "$^2$",
    "³": "$^3$",
    "°": r"$^\circ$",
    "µ": r"$\mu$",
    "\u00a0": "~",
}

#: Letters of Latin-1 and Latin Extended-A that LaTeX's default font encoding lacks.
_NO_GLYPH = frozenset("ÐÞðþĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲųſ")

#: Pairs that fonts join to a dash or a quotation mark.
_LIGATURES = ("--", ",,")

_CODE = re.compile(r"`([^`]+)`")


def latex(
    title: str,
    sections: Sequence[Section],
    columns: Sequence[Column],
    footer: Sequence[str],
    directions: Mapping[str, bool | None] | None = None,
) -> str:
    """A wide table as a LaTeX fragment to be included: a floating `table*` with caption, label and footnotes.

    More than :data:`MOST_COLUMNS` columns become several floats of about equal width, each with the footer, whose
    labels end in ``-2`` and so on from the second on.

    Parameters
    ----------
    title
        Caption; its letters and digits make the label, such as ``tab:retrieval``.
    sections
        One a protocol, each under a line of its own.
    columns
        What is shown.
    footer
        Lines below the table; text between backticks is set in typewriter type.
    directions
        Whether higher values are better, by column key. The best mean of a column that has a direction is bold;
        floor and ceiling do not compete (:func:`benchmark.report.page.wide.best_methods`).

    Returns
    -------
    str
        It needs the package booktabs and nothing else, and compiles with pdfLaTeX.
    """
    count = max(-(-len(columns) // MOST_COLUMNS), 1)
    ends = [round(len(columns) * place / count) for place in range(count + 1)]
    label = re.sub("[^a-z0-9]+", "-", title.lower()).strip("-")
    floats = []
    for place in range(count):
        part = columns[ends[place] : ends[place + 1]]
        caption = escape(f"{title} ({place + 1} of {count})" if count > 1 else title)
        named = f"tab:{label}-{place + 1}" if place else f"tab:{label}"
        floats.append(_float(caption, named, sections, part, footer, directions or {}))
    return "\n".join([MARK, *floats, ""])


def _float(
    caption: str,
    label: str,
    sections: Sequence[Section],
    columns: Sequence[Column],
    footer: Sequence[str],
    directions: Mapping[str, bool | None],
) -> str:
    marks, notes = cell_notes(sections, columns)
    times = next((part.times for part in sections if part.times), [])
    width = len(columns) + 2 + len(times)
    body: list[str] = []
    for part in sections:
        body += [r"\midrule", rf"\multicolumn{{{width}}}{{@{{}}l}}{{\emph{{{escape(section_title(part))}}}}} \\"]
        body += _rows(part, columns, directions, marks, len(times))
    lines = [rf"\textsuperscript{{{mark}}} {_prose(text)}" for mark, text in notes]
    if any(value is not None for value in directions.values()):
        lines.append("Bold: best mean of a column, floor and ceiling rows apart.")
    lines += [_prose(line) for line in footer]
    return "\n".join(
        [
            r"\begin{table*}[p]",
            r"\centering",
            rf"\caption{{{caption}}}",
            rf"\label{{{label}}}",
            r"\vspace{3pt}",
            r"\scriptsize",
            r"\setlength{\tabcolsep}{2pt}",
            # On a narrow page it reaches into both margins equally.
            r"\makebox[\textwidth]{%",
            rf"\begin{{tabular}}{{@{{}}l*{{{width - 1}}}{{r}}@{{}}}}",
            r"\toprule",
            _row(
                [
                    "{}method",
                    *(_heading(column.title) for column in columns),
                    "seeds",
                    *(_heading([time]) for time in times),
                ]
            ),
            *body,
            r"\bottomrule",
            r"\end{tabular}}",
            "",
            r"\smallskip",
            r"\begin{minipage}{\textwidth}",
            r"\raggedright\tiny",
            *(rf"{line}\par" for line in lines),
            r"\end{minipage}",
            r"\end{table*}",
        ]
    )


def escape(text: str) -> str:
    """Text as LaTeX shows it literally.

    Line breaks and other control characters become spaces. A character that pdfLaTeX has no glyph for is written as
    its code point, such as U+4E2D.
    """
    return "".join(
        ("{}" if text[place - 1 : place + 1] in _LIGATURES else "") + _escaped(character)
        for place, character in enumerate(text)
    )


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if code < 0x20 or 0x7F <= code < 0xA0:
        return " "
    if code < 0x7F or (0xC0 <= code < 0x180 and character not in _NO_GLYPH):
        return character
    return f"U+{code:04X}"


def _prose(text: str) -> str:
    pieces = _CODE.split(text)
    return "".join(rf"\texttt{{{escape(piece)}}}" if place % 2 else escape(piece) for place, piece in enumerate(pieces))


def _heading(title: Sequence[str]) -> str:
    # A word a line: the headers are wider than the numbers.
    lines = r" \\ ".join("{}" + escape(word) for word in " ".join(title).split())
    return rf"\shortstack[r]{{{lines}}}"


def _rows(
    part: Section,
    columns: Sequence[Column],
    directions: Mapping[str, bool | None],
    marks: Mapping[Address, tuple[str, ...]],
    times: int,
) -> list[str]:
    best = {column.key: best_methods(part, column, directions.get(column.key)) for column in columns}
    rows = []
    for method, entries in part.entries.items():
        found = [(column, entries[column.key]) for column in columns]
        cells = [
            _mean(entry, column.digits, method in best[column.key])
            + _superscript(marks[part.protocol, method, column.key])
            for column, entry in found
        ]
        rows.append(
            _row(["{}" + escape(method), *cells, str(part.complete[method]), *(part.time_of(method) or [""] * times)])
        )
        spreads = [_spread(entry, column.digits) for column, entry in found]
        if any(spreads):
            # Below the means and not beside them, or ten columns would be wider than a page.
            rows.append(r"\noalign{\vskip-1.5pt}" + _row(["{}", *spreads, *[""] * (times + 1)]))
    levels = [_signed(chance(part, column).text) for column in columns]
    return [*rows, _row([rf"\emph{{{CHANCE}}}", *levels, *[""] * (times + 1)])]


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _mean(entry: Entry, digits: int, best: bool) -> str:
    if not math.isfinite(entry.mean):
        return "--"
    mean = _signed(f"{entry.mean:.{digits}f}")
    return rf"\textbf{{{mean}}}" if best else mean


def _spread(entry: Entry, digits: int) -> str:
    if not (math.isfinite(entry.mean) and math.isfinite(entry.sd)):
        return ""
    return rf"\tiny$\pm$ {entry.sd:.{digits}f}"


def _signed(text: str) -> str:
    return text.replace("-", "$-$")


def _superscript(marks: Sequence[str]) -> str:
    return rf"\textsuperscript{{{','.join(marks)}}}" if marks else ""
