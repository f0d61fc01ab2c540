"""Wide tables as LaTeX fragments."""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmark.report.columns import Column
from benchmark.report.grid import Cell, Footnotes
from benchmark.report.text import MISSING, section_title
from benchmark.report.ties import told
from benchmark.report.wide_grid import section_grid
from benchmark.report.wide_tables import WideTable

#: First line of every fragment.
MARK = "% Written by seada-bench tables. Needs \\usepackage{booktabs}."

#: Columns of numbers that a page has room for; a wider table becomes several floats.
MOST_COLUMNS = 12

# A bare bracket or star after the end of a row would be an argument of that end.
_ESCAPES = {character: f"\\{character}" for character in "_&%#${}"} | {each: f"{{{each}}}" for each in "[]*"}
_SYMBOLS = r"""
\ \textbackslash{} ~ \textasciitilde{} ^ \textasciicircum{} < \textless{} > \textgreater{} | \textbar{}
" {\char34} ` {\char96} ' {\char39} ‘ ` ’ ' “ `` ” '' – -- — --- … \dots{}
± $\pm$ × $\times$ · $\cdot$ ≤ $\leq$ ≥ $\geq$ → $\rightarrow$ − $-$ ¹ $^1$ ² $^2$ ³ $^3$ ° $^\circ$ µ $\mu$
"""
_PAIRS = _SYMBOLS.split()
_ESCAPES |= dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)) | {"\u00a0": "~"}

#: Letters of Latin-1 and Latin Extended-A that LaTeX's default font encoding lacks.
_NO_GLYPH = frozenset("ÐÞðþĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲųſ")

#: Pairs that fonts join to a dash or a quotation mark.
_LIGATURES = ("--", ",,")

_CODE = re.compile(r"`([^`]+)`")


def latex(table: WideTable) -> str:
    """A wide table as a LaTeX fragment to be included: a floating `table*` with caption, label and footnotes.

    More than :data:`MOST_COLUMNS` columns become several floats of about equal width, each with the footer, whose
    labels end in ``-2`` and so on from the second on.

    Parameters
    ----------
    table
        Its title becomes the caption, the title's letters and digits the label, such as ``tab:retrieval``. In its
        footer, text between backticks is set in typewriter type. What is tied for best is bold where the table says so
        (:func:`benchmark.report.ties.with_ties`).

    Returns
    -------
    str
        It needs the package booktabs and nothing else, and compiles with pdfLaTeX.
    """
    floats = max(-(-len(table.columns) // MOST_COLUMNS), 1)
    ends = [round(len(table.columns) * place / floats) for place in range(floats + 1)]
    label = "tab:" + re.sub("[^a-z0-9]+", "-", table.title.lower()).strip("-")
    parts = []
    for place in range(floats):
        caption = escape(f"{table.title} ({place + 1} of {floats})" if floats > 1 else table.title)
        named = f"{label}-{place + 1}" if place else label
        parts.append(_float(caption, named, table, table.columns[ends[place] : ends[place + 1]]))
    return "\n".join([MARK, *parts, ""])


def _float(caption: str, label: str, table: WideTable, columns: Sequence[Column]) -> str:
    notes = Footnotes()
    grids = [section_grid(part, columns, table.directions, notes) for part in table.sections]
    headers = max((each.headers for each in grids), key=len, default=[])
    body: list[str] = []
    for part, each in zip(table.sections, grids, strict=True):
        title = escape(section_title(part))
        body += [r"\midrule", rf"\multicolumn{{{len(headers)}}}{{@{{}}l}}{{\emph{{{title}}}}} \\"]
        body += [line for row in each.rows for line in _rows(row, len(headers))]
        if each.apart:
            body.append(rf"\multicolumn{{{len(headers)}}}{{@{{}}l}}{{\emph{{{escape(each.apart_title)}}}}} \\")
            body += [line for row in each.apart for line in _rows(row, len(headers))]
        body += [_row([rf"\emph{{{row[0].text}}}", *map(_mean, row[1:])], len(headers)) for row in each.foot]
    lines = [rf"\textsuperscript{{{mark}}} {_prose(text)}" for mark, text in notes.listed()]
    if any(part.best for part in table.sections):
        bounds = {method: why for part in table.sections for method, why in part.bounds.items()}
        lines.append(f"Bold: {told(bounds)}.")
    lines += [_prose(line) for line in table.footer]
    names = ["{}method", *(_heading(header.text) for header in headers[1:])]
    rows = "\n".join([_row(names, len(names)), *body])
    below = "\n".join(rf"{line}\par" for line in lines)
    # On a narrow page it reaches into both margins equally.
    return rf"""\begin{{table*}}[p]
\centering
\caption{{{caption}}}
\label{{{label}}}
\vspace{{3pt}}
\scriptsize
\setlength{{\tabcolsep}}{{2pt}}
\makebox[\textwidth]{{%
\begin{{tabular}}{{@{{}}l*{{{len(names) - 1}}}{{r}}@{{}}}}
\toprule
{rows}
\bottomrule
\end{{tabular}}}}

\smallskip
\begin{{minipage}}{{\textwidth}}
\raggedright\tiny
{below}
\end{{minipage}}
\end{{table*}}"""


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


def _heading(title: str) -> str:
    # A word a line: the headers are wider than the numbers.
    lines = r" \\ ".join("{}" + escape(word) for word in title.split())
    return rf"\shortstack[r]{{{lines}}}"


def _rows(cells: Sequence[Cell], width: int) -> list[str]:
    rows = [_row(["{}" + escape(cells[0].text), *map(_mean, cells[1:])], width)]
    if any(cell.spread for cell in cells):
        # Below the means and not beside them, or ten columns would be wider than a page.
        spreads = [rf"\tiny$\pm$ {cell.spread}" if cell.spread else "" for cell in cells[1:]]
        rows.append(r"\noalign{\vskip-1.5pt}" + _row(["{}", *spreads], width))
    return rows


def _row(cells: Sequence[str], width: int) -> str:
    return " & ".join([*cells, *[""] * (width - len(cells))]) + r" \\"


def _mean(cell: Cell) -> str:
    text = cell.text.replace("-", "$-$").replace(MISSING, "--")
    marks = rf"\textsuperscript{{{','.join(cell.marks)}}}" if cell.marks else ""
    return (rf"\textbf{{{text}}}" if cell.best else text) + marks
