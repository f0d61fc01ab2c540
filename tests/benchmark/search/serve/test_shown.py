"""What may be seen of an archive."""

from __future__ import annotations

import pytest

from benchmark.errors import UserError
from benchmark.pseudonyms import pseudonym
from benchmark.search.archive import add_scans, indexed
from benchmark.search.index import Index, create, writing
from benchmark.search.query import Wanted, query_of_scan
from benchmark.search.serve.jobs import GoneError
from benchmark.search.serve.shown import Archives, Shown, ShownFilter

SALT = b"0" * 32


@pytest.fixture(scope="module")
def shown(index_folder):
    return Shown(Index(index_folder), SALT)


def test_a_person_has_one_pseudonym_and_numbered_sessions(shown):
    names, sessions = (shown.table.column(name).to_pylist() for name in ("subject_id", "session_id"))
    assert names == [pseudonym(f"person{number // 2:02}", SALT) for number in range(24)]
    assert sessions == ["1", "2"] * 12
    assert shown.table.column_names == ["subject_id", "session_id", "site", "diagnosis", "age", "sex"]
    assert (shown.subjects, len(shown.sites)) == (12, 3)


def test_filters_see_pseudonyms(shown):
    one = pseudonym("person03", SALT)
    assert ShownFilter(f'subject_id == "{one}"', shown.table).mask(shown.index.scans).sum() == 2
    assert ShownFilter('subject_id == "person03"', shown.table).mask(shown.index.scans).sum() == 0
    with pytest.raises(UserError, match="column 'content' is not there"):
        ShownFilter('content == ""', shown.table).mask(shown.index.scans)


def test_answers_have_neither_identifiers_nor_paths(shown):
    answer = shown.searcher.answer(query_of_scan(shown.index, "A/person00/2011-05-03"), Wanted(5))
    public = shown.public(answer)
    assert "image" not in public.hits
    assert public.query.subject == "known"
    assert public.hits["subject_id"].tolist() == [pseudonym(name, SALT) for name in answer.hits["subject_id"]]


@pytest.mark.parametrize("scan", ["", "1", "1-", "x-1", "1-24", "1-²", "9-0", "1-0 ", "1-0\n", "-1-0", "1-" + "9" * 30])
def test_only_scans_of_this_generation_are_known(shown, scan):
    assert shown.row("1-23") == 23
    with pytest.raises(GoneError):
        shown.row(scan)


def test_an_archive_is_read_again_when_it_changes_and_refused_when_its_model_does(model, scans, tmp_path):
    folder = tmp_path / "index"
    create(folder, indexed(model))
    add_scans(folder, model, scans[:4])
    archives = Archives(folder, SALT)
    before = archives.current()
    assert archives.current() is before
    with writing(folder) as writer:
        writer.remove(writer.opened().having("scan_key", ["A/person00/2011-05-03"]))
    after = archives.current()
    assert (after.generation, len(after.index)) == (before.generation + 1, 3)
    assert after.listed("", 0, 10)[0] == 3
    with pytest.raises(GoneError, match="the archive has changed"):
        after.row(before.scan_id(0))
    other = tmp_path / "other"
    named = indexed(model)
    create(other, type(named)(named.name, "cd" * 32, named.centre))
    (other / "index.json").replace(folder / "index.json")
    with pytest.raises(UserError, match="by another model; start the server again"):
        archives.current()
