from tests.benchmark.prepare.importers.arguments import only

NAME = "ppmi"


def test_every_image_is_what_the_replica_says(build, replica, same_as_truth, given):
    same_as_truth(build(*given), replica)


def test_weighting_and_modality_are_not_trusted(build, replica, given):
    row = next(row for row in build(*given).rows if row["subject_id"] == "PPMI_991003")
    assert row["description"] == "SAG 3D MPRAGE"


def test_zero_is_female_and_age_is_from_the_month_of_birth(build, replica, given):
    row = next(row for row in build(*given).rows if row["subject_id"] == "PPMI_991012")
    # 15 June 1950 stands for June; the scan is of 8 April 2013: 62 years and 297 days.
    assert (row["sex"], row["age"], row["age_source"]) == ("F", "62.81", "month of birth")


def test_consensus_changes_the_cohort_unless_it_excludes(build, replica, given):
    rows = {row["subject_id"]: row["diagnosis"] for row in build(*given).rows}
    assert (rows["PPMI_991014"], rows["PPMI_991015"], rows["PPMI_991016"]) == ("SWEDD", "PD", "OTHER")


def test_the_curated_cut_fills_what_the_tables_lack(build, replica, given):
    built = build(*given)
    row = next(row for row in built.rows if row["subject_id"] == "PPMI_991013")
    assert (row["diagnosis"], row["age_source"]) == ("CN", "nearest visit")
    short = build(*only(given, "search", "collection", "participant_status"), out="short")
    row = next(row for row in short.rows if row["subject_id"] == "PPMI_991013")
    assert row["age_source"] == "collection, whole years"


def test_group_is_the_diagnosis_where_no_table_has_the_participant(build, replica, given):
    built = build(*given)
    rows = {row["subject_id"]: (row["diagnosis"], row["diagnosis_source"]) for row in built.rows}
    assert rows["PPMI_991017"] == ("PD", "Group=GenReg PD")
    assert rows["PPMI_991018"] == ("OTHER", "Group=GenReg Unaff")
    assert "Group 'GenReg Unaff' is none of the cohorts: diagnosis OTHER" in built.text
