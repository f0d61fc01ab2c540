"""Conditions on what is known of scans, such as ``age > 60 and diagnosis == "AD"``: parsed, never run as code.

A condition is read into Python's syntax tree, of which only comparisons of a column with constants, ``and``, ``or`` and
``not`` are taken; calls, attributes, subscripts and arithmetic are refused before anything is looked up.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as kinds

from benchmark.errors import UserError

#: Characters that a condition may have.
LONGEST = 2000
ALLOWED = "a column compared with a constant (==, !=, <, <=, >, >=, in, not in), joined by and, or, not and parentheses"
_ORDERED: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_MIRRORED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}

Mask = npt.NDArray[np.bool_]
Constant = str | float


class Filter:
    """A condition on the columns of a table.

    Parameters
    ----------
    text
        The condition. Names are columns. Text is quoted, and compared as it is written; numbers are compared with
        columns of numbers alone. ``low <= age < high`` is allowed. A number that is not known (NaN or missing) fulfils
        no comparison, not even ``!=``; a text that is not known is the empty text.

    Raises
    ------
    UserError
        For what is no such condition; the message says what was found, and what is allowed.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > LONGEST:
            raise UserError(f"filter: {len(text)} characters are not allowed; at most {LONGEST}")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            what = error.msg if isinstance(error, SyntaxError) else "cannot be read"
            raise self._refused(str(what)) from None
        try:
            self._check(self._tree)
        except RecursionError:
            raise self._refused("nested too deeply") from None

    def mask(self, table: pa.Table) -> Mask:
        """Which rows of a table fulfil the condition, shape (rows,).

        Raises
        ------
        UserError
            For a column that the table lacks, and for text compared with numbers.
        """
        return self._mask(self._tree, table)

    def _refused(self, found: str) -> UserError:
        shown = self.text if len(self.text) <= 80 else self.text[:77] + "..."
        return UserError(f"filter: {shown!r}: {found}; allowed: {ALLOWED}")

    def _check(self, node: ast.expr) -> None:
        if isinstance(node, ast.BoolOp):
            for part in node.values:
                self._check(part)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._check(node.operand)
        elif isinstance(node, ast.Compare):
            for left, comparison, right in _pairs(node):
                self._check_comparison(left, comparison, right)
        else:
            raise self._refused(f"{_called(node)} is no comparison")

    def _check_comparison(self, left: ast.expr, comparison: ast.cmpop, right: ast.expr) -> None:
        if isinstance(comparison, (ast.In, ast.NotIn)):
            if not isinstance(left, ast.Name) or not isinstance(right, (ast.List, ast.Tuple, ast.Set)):
                raise self._refused("'in' needs a column before it and constants in brackets after it")
            values = [self._constant(each) for each in right.elts]
            if len({isinstance(each, str) for each in values}) != 1:
                raise self._refused("'in' needs constants that are all text or all numbers")
            return
        if type(comparison) not in _ORDERED:
            raise self._refused("'is' is no comparison of values")
        if isinstance(left, ast.Name) == isinstance(right, ast.Name):
            raise self._refused("a comparison needs a column on one side and a constant on the other")
        self._constant(right if isinstance(left, ast.Name) else left)

    def _constant(self, node: ast.expr) -> Constant:
        sign = 1.0
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            node, sign = node.operand, -1.0
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and sign == 1:
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                return sign * float(value)
            except OverflowError:
                raise self._refused("a number is too large") from None
        raise self._refused(f"{_called(node)} is no text or number")

    def _mask(self, node: ast.expr, table: pa.Table) -> Mask:
        if isinstance(node, ast.BoolOp):
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            joined: Mask = join.reduce([self._mask(part, table) for part in node.values])
            return joined
        if isinstance(node, ast.UnaryOp):
            return ~self._mask(node.operand, table)
        comparisons = _pairs(cast(ast.Compare, node))
        all_of: Mask = np.logical_and.reduce([self._compared(*each, table) for each in comparisons])
        return all_of

    def _compared(self, left: ast.expr, comparison: ast.cmpop, right: ast.expr, table: pa.Table) -> Mask:
        kind = type(comparison)
        if not isinstance(left, ast.Name):
            left, right, kind = right, left, _MIRRORED.get(kind, kind)
        name = cast(ast.Name, left).id
        if isinstance(right, (ast.List, ast.Tuple, ast.Set)):
            constants = [self._constant(each) for each in right.elts]
            values, known = self._column(name, constants[0], table)
            found: Mask = np.isin(values, constants) != (kind is ast.NotIn)
        else:
            constant = self._constant(right)
            values, known = self._column(name, constant, table)
            found = _ORDERED[kind](values, constant)
        return found & known

    def _column(self, name: str, constant: Constant, table: pa.Table) -> tuple[npt.NDArray[Any], Mask]:
        """Values of a column, and which of them are known, both of shape (rows,)."""
        if name not in table.column_names:
            raise UserError(f"filter: column '{name}' is not there; there are: {', '.join(table.column_names)}")
        column = table.column(name)
        numeric = kinds.is_floating(column.type) or kinds.is_integer(column.type)
        if numeric == isinstance(constant, str):
            what, other = ("numbers", "text") if numeric else ("text", "a number")
            raise UserError(f"filter: column '{name}' has {what} and cannot be compared with {other}, {constant!r}")
        if numeric:
            numbers = column.to_numpy().astype(np.float64)
            return numbers, ~np.isnan(numbers)
        text = np.array(column.fill_null("").to_pylist(), dtype=np.str_)
        return text, np.ones(len(text), bool)


def _pairs(node: ast.Compare) -> list[tuple[ast.expr, ast.cmpop, ast.expr]]:
    """Neighbours of a chain such as ``60 < age <= 70``."""
    return list(zip([node.left, *node.comparators], node.ops, node.comparators, strict=False))


def _called(node: ast.AST) -> str:
    """What a part of a condition is, in the user's words."""
    try:
        shown = ast.unparse(node)
    except RecursionError:
        return "a part"
    return repr(shown if len(shown) <= 40 else shown[:37] + "...")
