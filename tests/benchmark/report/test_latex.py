"""LaTeX fragments: escaping, bold, footnotes, and whether they compile."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from benchmark.report.columns import RETRIEVAL
from benchmark.report.latex import MARK, MOST_COLUMNS, escape, latex
from tests.tables import long_table, wide_table

HOSTILE = r"""[a]*_&%#${}~^\<b>|"'`--,,ä é Łł ŋ 中 ± – \input{/etc/passwd} \begin{x}"""


def table(rows):
    return long_table(rows)


def fragment(scores, columns=RETRIEVAL[:2], footer=("A `foot_note`, 95 %.",), title="Retrieval"):
    return latex(wide_table(scores, columns, title, footer))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b", r"a\_b"),
        ("50 % & #1 $", r"50 \% \& \#1 \$"),
        ("{x}", r"\{x\}"),
        ("~^\\", r"\textasciitilde{}\textasciicircum{}\textbackslash{}"),
        ("[1]*", "{[}1{]}{*}"),
        ("a-b--c---d", "a-b-{}-c-{}-{}-d"),
        ("1–2 ± 3 R²", r"1--2 $\pm$ 3 R$^2$"),
        ("é中\n\tx", "éU+4E2D  x"),
    ],
)
def test_escape(text, expected):
    assert escape(text) == expected


def test_what_is_tied_for_best_is_bold(make_score):
    values = {"a": 0.61, "b": 0.7, "c": 0.702, "true_anatomy": 0.9}
    table_of_all = wide_table(table([make_score(method, value) for method, value in values.items()]), RETRIEVAL[:1])
    best = {RETRIEVAL[0].key: frozenset({"b", "c"})}
    parts = [replace(part, bounds={"true_anatomy": "ceiling"}, best=best) for part in table_of_all.sections]
    text = latex(replace(table_of_all, sections=parts))
    assert re.findall(r"\\textbf\{(.*?)\}", text) == ["0.700", "0.702"]
    assert "Bold: tied for best of a column, floor and ceiling rows apart: the best mean" in text
    assert "Bold" not in latex(table_of_all)


def test_rows_that_see_diagnoses_stand_below_a_heading(make_score):
    table_of_all = wide_table(
        table([make_score(*pair) for pair in (("a", 0.6), ("b", 0.7), ("c", 0.9))]), RETRIEVAL[:2]
    )
    parts = [replace(part, bounds={"c": "sees diagnoses"}) for part in table_of_all.sections]
    text = latex(replace(table_of_all, sections=parts))
    assert re.search(
        r"b & .*\n\\multicolumn\{\d\}\{@\{\}l\}\{\\emph\{sees diagnoses of training subjects\}\} .*\n\{\}c & 0.900",
        text,
    )


def test_missing_values_have_footnotes(scores):
    text = fragment(scores)
    # b lacks one of two seeds pooled and one of four runs elsewhere; nobody has P@1.
    row = next(line for line in text.splitlines() if line.startswith("{}b &"))
    assert row == r"{}b & --\textsuperscript{b} & --\textsuperscript{a} & 2 \\"
    assert r"\textsuperscript{a} Missing: 2 of 2 runs: no result\par" in text
    assert r"\textsuperscript{b} Missing: 1 of 2 runs: no query\par" in text
    assert r"Missing: 1 of 4 runs: no result" in text


def test_structure(scores):
    text = fragment(scores, title="Retrieval & more")
    assert text.startswith(MARK)
    assert r"\caption{Retrieval \& more}" in text
    assert r"\label{tab:retrieval-more}" in text
    assert text.count(r"\begin{") == text.count(r"\end{") == 3
    for line in text.splitlines():
        if " & " in line:
            assert line.count(" & ") == 3, line
    # Pooled: 0.6 and 0.8, so the mean is 0.7 and the sample SD 0.1414; chance is 0.5.
    assert "{}a & 0.700 & --" in text
    assert r"\tiny$\pm$ 0.141" in text
    assert r"\emph{chance} & 0.500 &" in text
    assert r"A \texttt{foot\_note}, 95 \%.\par" in text


def test_many_columns_become_several_floats(scores):
    columns = [replace(RETRIEVAL[0], key=f"k{place}", title=(f"c{place}",)) for place in range(MOST_COLUMNS + 3)]
    text = fragment(scores, columns)
    assert text.count(MARK) == 1
    assert text.count(r"\begin{table*}") == text.count(r"\end{table*}") == 2
    assert r"\caption{Retrieval (1 of 2)}" in text
    assert [label in text for label in (r"\label{tab:retrieval}", r"\label{tab:retrieval-2}")] == [True, True]
    headers = [line for line in text.splitlines() if line.startswith("{}method")]
    shown = [re.findall(r"\{\}(c[0-9]+)\}", line) for line in headers]
    # 15 columns: 8 and 7.
    assert [len(each) for each in shown] == [8, 7]
    assert [each for line in shown for each in line] == [column.title[0] for column in columns]


def test_negative_numbers_have_a_minus(make_score):
    assert "$-$0.250" in fragment(table([make_score("a", -0.25)]))


def test_hostile_text_is_escaped_everywhere(make_score):
    rows = [make_score(HOSTILE, 0.5, HOSTILE), make_score("b", math.nan, HOSTILE, note=HOSTILE)]
    text = fragment(table(rows), title=HOSTILE, footer=[HOSTILE])
    assert r"\input" not in text
    assert r"\begin{x}" not in text
    without = re.sub(r"\\[{}\\]", "", text)
    assert without.count("{") == without.count("}")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("encoding", ["", r"\usepackage[T1]{fontenc}"])
def test_compiles(make_score, scores, tmp_path, encoding):
    rows = [make_score(HOSTILE, 0.5, HOSTILE), make_score("b", math.nan, HOSTILE, note=HOSTILE)]
    texts = [fragment(table(rows), RETRIEVAL, [HOSTILE], HOSTILE), fragment(scores, RETRIEVAL)]
    body = "\n".join(texts)
    (tmp_path / "a.tex").write_text(
        rf"\documentclass{{article}}{encoding}\usepackage{{booktabs}}\begin{{document}}{body}\end{{document}}",
        encoding="utf-8",
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=60,
    )
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-2000:]
    assert "Overfull" not in log
    assert "Missing character" not in log
