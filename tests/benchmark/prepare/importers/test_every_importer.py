"""What holds for every importer, and which impossible tables each refuses."""

import shutil

import pytest

from benchmark.prepare.phantom.downloads.registry import replicas


@pytest.mark.parametrize("name", list(replicas()))
def test_the_same_download_gives_the_same_files(name, build, given):
    first, second = build(*given, out="first"), build(*given, out="second")
    for path in first.out.iterdir():
        assert path.read_bytes() == (second.out / path.name).read_bytes()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adni", "no scan was found"),
        ("bids", "holds no folder sub-LABEL; name the root of a BIDS dataset"),
        ("ixi", "holds no T1 image of IXI; they are named IXInnn-HOSPITAL-nnnn-T1.nii.gz"),
        ("oasis1", "holds no image in a folder of OASIS-1; they are named OAS1_NNNN_MRn"),
        ("oasis2", "holds no image in a folder of OASIS-2; they are named OAS2_NNNN_MRn"),
        ("oasis3", "holds no image of OAS3; folders are named OAS3NNNN_MR_dNNNN or sub-OAS3NNNN"),
        ("oasis4", "holds no image of OAS4"),
        ("ppmi", "no scan was found"),
    ],
)
def test_a_folder_of_something_else_is_refused(name, message, refuse, given, replica, tmp_path):
    (tmp_path / "empty").mkdir()
    if name == "bids":
        shutil.copy(replica / "dataset_description.json", tmp_path / "empty")
    assert message in refuse(*(tmp_path / "empty" if word == str(replica) else word for word in given))
    assert "there is no such folder" in refuse(
        *(tmp_path / "nowhere" if word == str(replica) else word for word in given)
    )


@pytest.mark.parametrize(
    ("name", "source", "sites"),
    [
        ("oasis1", "scanner", {"OASIS1-Siemens-Vision"}),
        ("oasis1", "field_strength", {"OASIS1-1.5T"}),
        ("oasis1", "vendor", {"OASIS1-Siemens"}),
        ("oasis3", "scanner", {"OASIS3-Siemens-TrioTim", "OASIS3-Siemens-Biograph-mMR", "OASIS3-Siemens-Sonata"}),
        ("oasis3", "field_strength", {"OASIS3-3T", "OASIS3-1.5T"}),
        ("oasis3", "vendor", {"OASIS3-Siemens"}),
        ("oasis4", "field_strength", {"OASIS4-3T", "OASIS4-1.5T"}),
    ],
)
def test_sites_from_the_scanner(name, source, sites, build, given):
    built = build(*given, "--site_from", source)
    assert {row["site"] for row in built.rows} == sites
    assert len(built.check()) == len(replicas()[name].describe().expected)


# fmt: off
TABLES = {
    ("adni", "collection"): [
        ('Downloaded"\n"', 'Downloaded"\n"scan',
         "column 'Image Data ID': 'scan90000001' is not allowed; it must be digits, "),
        ('"71"', '"710"', "column 'Age': '710' is not allowed; it must be a number in [0, 120], or empty"),
        ("6/27/2007", "27/6/2007", "column 'Acq Date': '27/6/2007' is not allowed; it must be a date such"),
        ('"Subject"', '"Person"', "column 'Subject' or 'Subject ID' is missing"),
        ("960_S_8901", "960_S_8999", "the tables must be of one download"),
    ],
    ("adni", "dxsum"): [
        ("EXAMDATE", "DAY", "column 'EXAMDATE' is missing"),
    ],
    ("adni", "adnimerge"): [
        ("\n8902,", "\nabc,", "column 'RID': 'abc' is not allowed; it must be like 4567 or "),
    ],
    ("bids", "participants.tsv"): [
        ("participant_id", "subject", "column 'participant_id' is missing; the header has subject, age"),
        ("sub-R902", "sub_R902", "column 'participant_id': 'sub_R902' is not allowed; it must be like sub-LABEL"),
        ("sub-R903", "sub-R902", "column 'participant_id': 'sub-R902' is not allowed; line 3 has it already"),
        ("sub-R903", "R902", "column 'participant_id': 'R902' is not allowed; the subject stands in an earlier line"),
        ("89+", "old", "column 'age': 'old' is not allowed; it must be a number in [0, 120], or empty"),
        ("89+", "289", "column 'age': '289' is not allowed"),
        ("\tcentre", "", "has 5 fields, the header has 4"),
    ],
    ("oasis1", "table"): [
        (",CDR,", ",Rating,", "column 'CDR' is missing; the header has ID, M/F"),
        ("OAS1_9002_MR1", "9002", "column 'ID': '9002' is not allowed; it must be like OAS1_NNNN_MRn"),
        ("OAS1_9003_MR1", "OAS1_9002_MR1", "column 'ID': 'OAS1_9002_MR1' is not allowed; line 4 has it already"),
        (",0.5,1500", ",0.7,1500", "column 'CDR': '0.7' is not allowed; it must be one of 0, 0.5, 1, 2, 3, or empty"),
        (",0.5,1500", ",high,1500", "column 'CDR': 'high' is not allowed; it must be a number in [0, 3], or empty"),
        ("OAS1_9002_MR1,M", "OAS1_9002_MR1,X", "column 'M/F': 'X' is not allowed; it must be one of M, F, or empty"),
        ("MR2,M", "MR2,F", "column 'M/F': 'F' is not allowed; subject OAS1_9001 is M in line 2, and has one sex"),
    ],
    ("oasis2", "table"): [
        ("MRI ID", "Scan", "column 'MRI ID' is missing"),
        ("OAS2_9001_MR1", "OAS2_9001", "column 'MRI ID': 'OAS2_9001' is not allowed; it must be like OAS2_NNNN_MRn"),
        ("OAS2_9001,", "OAS2_9009,",
         "'OAS2_9009' is not allowed; MRI ID is OAS2_9001_MR1; they must be of one subject"),
        ("Converted", "Mixed", "column 'Group': 'Mixed' is not allowed; it must be one of Nondemented, Demented, "),
        (",28,0.5,", ",28,4,", "column 'CDR': '4' is not allowed; it must be a number in [0, 3], or empty"),
    ],
    ("oasis3", "demographics"): [
        ("AgeatEntry", "Age", "column 'AgeatEntry' is missing"),
        ("OAS39001", "39001", "column 'OASISID': '39001' is not allowed; it must be like OAS3NNNN"),
        (".,1,16", ".,3,16", "column 'GENDER': '3' is not allowed; it must be one of 1 (M), 2 (F), M"),
    ],
    ("oasis3", "diagnoses"): [
        (",0159,", ",soon,", "column 'days_to_visit': 'soon' is not allowed; it must be a whole number"),
        (",1,0,0,", ",7,0,0,", "column 'NORMCOG': '7' is not allowed; it must be one of 1, 0, or empty"),
    ],
    ("oasis3", "scanners"): [
        ("filename", "file", "column 'filename' is missing"),
    ],
    ("oasis4", "clinical"): [
        ("final_dx,", "dx,", "column 'final_dx' is missing"),
        ("OAS49001,", "49001,", "column 'oasis_id': '49001' is not allowed; it must be like OAS4NNNN"),
        ("_d3000,1,1,", "_d3000,1,9,", "column 'sex': '9' is not allowed; it must be one of 1 (M), 2 (F)"),
    ],
    ("oasis4", "imaging"): [
        (",3185,", ",31-85,", "column 'visit_days': '31-85' is not allowed; it must be a whole number"),
        (",3185,", ",3185,9", "column 'image_age': '9"),
    ],
    ("ixi", "table"): [
        ("IXI_ID", "ID", "column 'IXI_ID' is missing"),
        ("9002,", "IXI9002,", "column 'IXI_ID': 'IXI9002' is not allowed; it must be a whole number"),
        ("9002,", ",", "column 'IXI_ID': '' is not allowed; it must be the number of a subject"),
        ("9002,0,", "9002,3,", "'3' is not allowed; it must be one of 1 (M), 2 (F), 0 (unknown), or empty"),
    ],
    ("ppmi", "participant_status"): [
        ("991001", "P991001", "column 'PATNO': 'P991001' is not allowed; it must be a number of up to seven"),
    ],
    ("ppmi", "demographics"): [
        ("06/1950", "13/1950", "column 'BIRTHDT': '13/1950' is not allowed; it must be a month such as"),
    ],
    ("ppmi", "age_at_visit"): [
        ("63.8", "638", "column 'AGE_AT_VISIT': '638' is not allowed; it must be a number in [0, 120], or empty"),
    ],
    ("ppmi", "collection"): [
        ("Acq Date", "Day", "column 'Acq Date' or 'Study Date' is missing"),
    ],
}
# fmt: on


@pytest.mark.parametrize(
    ("name", "table", "old", "new", "message"), [(*key, *case) for key, cases in TABLES.items() for case in cases]
)
def test_impossible_tables_are_refused(name, table, old, new, message, refuse, given, replica, edit):
    options = replicas()[name].OPTIONS
    path = replica / (options[table].path if table in options else table)
    edit(path, old, new)
    refusal = refuse(*given)
    assert message in refusal
    assert (path.name if "one download" in message else str(path)) in refusal
