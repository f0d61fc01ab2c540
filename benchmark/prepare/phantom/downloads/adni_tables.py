"""Study tables of the ADNI replica: DXSUM and ADNIMERGE."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.prepare.phantom.downloads.expected import write_csv

_DXSUM = ("Phase", "PTID", "RID", "VISCODE", "VISCODE2", "EXAMDATE", "DXCHANGE", "DXCURREN", "DIAGNOSIS")
_MERGE = (
    "RID",
    "COLPROT",
    "ORIGPROT",
    "PTID",
    "SITE",
    "VISCODE",
    "EXAMDATE",
    "DX_bl",
    "AGE",
    "PTGENDER",
    "APOE4",
    "MMSE",
    "FLDSTRENG",
    "IMAGEUID",
    "DX",
    "EXAMDATE_bl",
    "Years_bl",
    "Month_bl",
    "M",
)
_CODES = {"CN": "1", "MCI": "2", "AD": "3"}
#: Column of DXSUM by phase, as older exports have it.
_COLUMNS = {"ADNI1": "DXCURREN", "ADNIGO": "DXCHANGE", "ADNI2": "DXCHANGE"}
_WORDS = {"CN": "CN", "MCI": "MCI", "AD": "Dementia"}


@dataclass
class Clinic:
    """Rows of the study tables, gathered and then written."""

    dxsum: list[tuple[str, ...]] = field(default_factory=list)
    merge: list[tuple[str, ...]] = field(default_factory=list)

    def rate(self, ptid: str, day: datetime.date, label: str, phase: str, code: str = "bl") -> None:
        """Add a row to DXSUM; a label that is no diagnosis is written as missing, ``-4``."""
        values = dict.fromkeys(("DXCHANGE", "DXCURREN", "DIAGNOSIS"), "")
        values[_COLUMNS.get(phase, "DIAGNOSIS")] = _CODES.get(label, "-4")
        self.dxsum.append((phase, ptid, _rid(ptid), code, code, day.isoformat(), *values.values()))

    def visit(
        self,
        ptid: str,
        day: datetime.date,
        label: str,
        phase: str,
        sex: str,
        age: float,
        baseline: datetime.date,
        strength: str = "",
    ) -> None:
        """Add a row to ADNIMERGE; ``age`` is that at ``baseline``."""
        months = round((day - baseline).days / 30.44)
        code = "bl" if months == 0 else f"m{months:02d}"
        gender = {"F": "Female", "M": "Male"}[sex]
        years = f"{(day - baseline).days / 365.25:.3f}"
        start = (_rid(ptid), phase, phase, ptid, ptid[:3].lstrip("0"), code, day.isoformat(), "", f"{age:.1f}", gender)
        end = (_WORDS.get(label, ""), baseline.isoformat(), years, str(months), str(months))
        self.merge.append((*start, "", "29", strength, "", *end))

    def write(self, out: Path) -> None:
        """Write ``DXSUM.csv`` and ``ADNIMERGE.csv`` into a folder."""
        write_csv(out / "DXSUM.csv", _DXSUM, self.dxsum, quote=True)
        write_csv(out / "ADNIMERGE.csv", _MERGE, self.merge)


def _rid(ptid: str) -> str:
    return str(int(ptid.rsplit("_", 1)[-1]))
