"""Manifests that cannot be used: what stands in the file, and what the answer must name besides the file."""

from __future__ import annotations

HEADER = "subject_id,session_id,image,site,diagnosis,age,sex"
ROW = "s1,1,t1.nii.gz,A,CN,70.5,F"


def _table(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def _row(**values: str) -> bytes:
    names = HEADER.split(",")
    extra = [name for name in values if name not in names]
    fields = dict(zip(names, ROW.split(","), strict=True)) | values
    return _table(",".join(fields.values()), header=",".join([*names, *extra]))


#: Content, and a part of the answer.
MANIFESTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty; its first line must name the columns"),
    "header-alone": (_table(), "has a header but no scan"),
    "web-page": (b"<html>\n<body>Log in, please</body></html>\n", "is a web page, as of a log-in"),
    "spreadsheet": (
        b"PK\x03\x04\x14\x00\x06\x00\x08\x00!\x00\xdf\xa4",
        "is a spreadsheet or zip archive",
    ),
    "utf-16": (_table(ROW).decode().encode("utf-16"), "is not UTF-8: byte 0xff"),
    "latin-1": (_row(scanner_model="Prüfstand").decode().encode("latin-1"), ":2: is not UTF-8: byte 0xfc"),
    "zero-bytes": (_row(scanner_model="a\0b"), ":2: holds a zero byte"),
    "semicolons": (_table(ROW).replace(b",", b";"), "columns must be separated by commas"),
    "tabs": (_table(ROW).replace(b",", b"\t"), "columns must be separated by commas"),
    "open-quote": (_table('s1,1,"t1.nii.gz,A,CN,70.5,F'), "is no line of a CSV file"),
    "short-row": (_table("s1,1,t1.nii.gz,A,CN,70.5"), ":2: has 6 fields, the header has 7"),
    "long-row": (_table(ROW + ",1"), ":2: has 8 fields, the header has 7"),
    "column-missing": (_table("s1,1,t1.nii.gz,CN,70.5,F", header=HEADER.replace("site,", "")), "'site': is missing"),
    "column-misspelt": (_table(ROW, header=HEADER.replace(",age", ",Age")), "is 'Age' meant to be it?"),
    "column-twice": (_table(ROW + ",71", header=HEADER + ",age"), "'age': stands 2 times in the header"),
    "column-unnamed": (_table(ROW + ",x", header=HEADER + ","), "column 8 has no name"),
    "column-reserved": (_table(ROW + ",x", header=HEADER + ",scan_key"), "is a name that the reader uses itself"),
    "age-and-sex-swapped": (_row(age="F", sex="70.5"), "column 'age': 'F' is not allowed"),
    "age-negative": (_row(age="-1"), "column 'age': -1 is not allowed"),
    "age-150": (_row(age="150"), "column 'age': 150 is not allowed; age must be a number of years in [0, 120]"),
    "age-in-days": (_row(age="25714"), "column 'age': 25714 is not allowed"),
    "age-in-words": (_row(age="seventy"), "column 'age': 'seventy' is not allowed"),
    "age-comma": (_table('s1,1,t1.nii.gz,A,CN,"70,5",F'), "column 'age': '70,5' is not allowed"),
    "age-nan": (_row(age="nan"), "column 'age': 'nan' is not allowed"),
    "diagnosis-unknown": (_row(diagnosis="demented"), "column 'diagnosis': 'demented' is not allowed"),
    "diagnosis-lower": (_row(diagnosis="ad"), "'ad' is not allowed (did you mean AD?)"),
    "sex-code": (_row(sex="1"), "column 'sex': 1 is not allowed; sex must be one of F, M, or empty"),
    "sex-word": (_row(sex="female"), "column 'sex': 'female' is not allowed"),
    "subject-empty": (_row(subject_id=""), "column 'subject_id': is empty"),
    "subject-slash": (_row(subject_id="a/b"), "column 'subject_id': 'a/b' is not allowed"),
    "session-empty": (_row(session_id=""), "column 'session_id': is empty"),
    "site-odd": (_row(site="../A"), "column 'site': '../A' is not allowed"),
    "space-at-end": (_row(subject_id="s1 "), "has a space at its start or end"),
    "field-strength": (_row(field_strength="3T"), "column 'field_strength': '3T' is not allowed"),
    "field-strength-gauss": (_row(field_strength="30000"), "column 'field_strength': 30000 is not allowed"),
    "sha256-short": (_row(sha256="abc"), "column 'sha256': 'abc' is not allowed"),
    "split-unknown": (_row(split="validation"), "column 'split': 'validation' is not allowed"),
    "image-is-mask": (_row(mask="t1.nii.gz"), "is the image itself"),
    "session-twice": (_table(ROW, "s1,1,u.nii.gz,A,CN,70.5,F"), ":3: column 'session_id': scan 'A/s1/1'"),
    "image-twice": (_table(ROW, "s2,1,t1.nii.gz,A,CN,70.5,F"), ":3: column 'image'"),
    "two-sexes": (_table(ROW, "s1,2,u.nii.gz,A,CN,71.5,M"), "one person has one sex"),
    "two-sites": (_table(ROW, "s2,1,u.nii.gz,B,CN,70.5,F"), "write one manifest a site"),
    "two-splits": (
        _table(ROW + ",train", "s1,2,u.nii.gz,A,CN,71.5,F,test", header=HEADER + ",split"),
        "a subject is in one split",
    ),
}
