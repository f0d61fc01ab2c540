import pytest

from benchmark.prepare.phantom.downloads.ppmi import describe

COLLECTION, SEARCH = "Replica_1_15_2024.csv", "idaSearch_1_15_2024.csv"
STATUS, DEMOGRAPHICS = "Participant_Status_15Jan2024.csv", "Demographics_15Jan2024.csv"
AGES, CURATED = "Age_at_visit_15Jan2024.csv", "PPMI_Curated_Data_Cut_Public_20240115.csv"


@pytest.fixture(scope="module")
def replica(tmp_path_factory):
    return describe(subjects=6).write(tmp_path_factory.mktemp("ppmi"))


@pytest.fixture
def own(tmp_path):
    """A replica that the test may change."""
    return describe(subjects=0).write(tmp_path / "replica")


def options(replica, *names):
    known = {"search": SEARCH, "collection": COLLECTION, "participant_status": STATUS, "demographics": DEMOGRAPHICS}
    known |= {"age_at_visit": AGES, "curated": CURATED}
    chosen = names or tuple(known)
    return ["ppmi", "--images", replica, *(part for name in chosen for part in (f"--{name}", replica / known[name]))]


def test_every_image_is_what_the_replica_says(build, replica, same_as_truth):
    same_as_truth(build(*options(replica)), replica)


def test_weighting_and_modality_are_not_trusted(build, own):
    row = next(row for row in build(*options(own)).rows if row["subject_id"] == "PPMI_991003")
    assert row["description"] == "SAG 3D MPRAGE"


def test_zero_is_female_and_age_is_from_the_month_of_birth(build, own):
    row = next(row for row in build(*options(own)).rows if row["subject_id"] == "PPMI_991012")
    # 15 June 1950 stands for June; the scan is of 8 April 2013: 62 years and 297 days.
    assert (row["sex"], row["age"], row["age_source"]) == ("F", "62.81", "month of birth")


def test_consensus_changes_the_cohort_unless_it_excludes(build, own):
    rows = {row["subject_id"]: row["diagnosis"] for row in build(*options(own)).rows}
    assert (rows["PPMI_991014"], rows["PPMI_991015"], rows["PPMI_991016"]) == ("SWEDD", "PD", "OTHER")


def test_the_curated_cut_fills_what_the_tables_lack(build, own):
    built = build(*options(own))
    row = next(row for row in built.rows if row["subject_id"] == "PPMI_991013")
    assert (row["diagnosis"], row["age_source"]) == ("CN", "nearest visit")
    short = build(*options(own, "search", "collection", "participant_status"), out="short")
    row = next(row for row in short.rows if row["subject_id"] == "PPMI_991013")
    assert row["age_source"] == "collection, whole years"


def test_group_is_the_diagnosis_where_no_table_has_the_participant(build, own):
    built = build(*options(own))
    rows = {row["subject_id"]: (row["diagnosis"], row["diagnosis_source"]) for row in built.rows}
    assert rows["PPMI_991017"] == ("PD", "Group=GenReg PD")
    assert rows["PPMI_991018"] == ("OTHER", "Group=GenReg Unaff")
    assert "Group 'GenReg Unaff' is none of the cohorts: diagnosis OTHER" in built.text


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        (STATUS, "991001", "P991001", "column 'PATNO': 'P991001' is not allowed; it must be a number of up to seven"),
        (DEMOGRAPHICS, "06/1950", "13/1950", "column 'BIRTHDT': '13/1950' is not allowed; it must be a month such as"),
        (AGES, "63.8", "638", "column 'AGE_AT_VISIT': '638' is not allowed; it must be a number in [0, 120], or empty"),
        (COLLECTION, "Acq Date", "Day", "column 'Acq Date' or 'Study Date' is missing"),
    ],
)
def test_impossible_tables_are_refused(refuse, own, edit, table, old, new, message):
    edit(own / table, old, new)
    assert message in refuse(*options(own))
