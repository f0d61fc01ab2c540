"""The server, from searches to downloads, and with everything that nobody should send it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import nibabel
import numpy as np
import pytest

from benchmark.search.archive import add_scans, indexed
from benchmark.search.index import create, writing
from benchmark.search.serve.images import volume_of
from tests.benchmark.search.serve.conftest import HOSTILE, SHAPE, SPACING, head, save


def upload(client, path, mask=None, **fields):
    files = {"image": (path.name, path.read_bytes())}
    if mask is not None:
        files["mask"] = (mask.name, mask.read_bytes())
    return client.post("/api/queries", files=files, data=fields)


def left_behind(client):
    """Folders of uploads."""
    return list(client.app.app.routes[1].endpoint.__self__.folder.iterdir())


@pytest.fixture
def new(tmp_path):
    """A scan that the archive does not have, and its mask."""
    image, mask = head(100)
    return save(tmp_path / "new.nii.gz", image), save(tmp_path / "new_mask.nii", mask)


def test_a_scan_of_the_archive_finds_others_under_pseudonyms(client, search, index_folder, model):
    result = search(k=5)["result"]
    assert [hit["rank"] for hit in result["hits"]] == [1, 2, 3, 4, 5]
    assert (result["could_be_found"], result["own_subject_left_out"]) == (22, 2)
    assert result["model"][0].startswith(f"Model {HOSTILE}, as measured on its test scans, synthetic data: mAP CN/AD")
    page = client.get("/").text
    everything = json.dumps(result) + json.dumps(client.get("/api/scans").json()) + page
    for told in ("person0", "secret", "2011", str(index_folder), "hospital_number", "H0"):
        assert told not in everything
    names = {hit["subject_id"] for hit in result["hits"]}
    assert all(name.startswith("sub-") and len(name) == 20 for name in names)


def test_identifiers_are_shown_on_request(make_client, finish):
    client = make_client(salt=None)
    scan = client.get("/api/scans", params={"words": "person03"}).json()["scans"][0]
    assert (scan["subject_id"], scan["session_id"]) == ("person03", "2011-05-03")
    asked = {"scan": scan["scan"], "filter": 'hospital_number == "H0"'}
    result = finish(client, client.post("/api/search", json=asked))["result"]
    assert [hit["subject_id"] for hit in result["hits"]] == ["person00"]


def test_the_list_is_paged_and_searched(client):
    first, last = (client.get("/api/scans", params={"offset": offset}).json() for offset in (0, 20))
    assert (first["total"], len(first["scans"]), len(last["scans"])) == (24, 10, 4)
    assert first["scans"][0]["age"] is None
    words = client.get("/api/scans", params={"words": "onerror AD"}).json()
    assert words["total"] == 4
    assert {scan["site"] for scan in words["scans"]} == {HOSTILE}
    assert client.get("/api/scans", params={"words": "person03"}).json()["total"] == 0
    assert client.get("/api/scans", params={"offset": "-1"}).status_code == 400


def test_a_file_is_embedded_searched_with_and_deleted(client, new, finish):
    state = finish(client, upload(client, *new, site="A", age="70", sex="F"))
    result = state["result"]
    assert (result["name"], result["warnings"], result["known_subject"]) == ("new.nii.gz", [], False)
    assert left_behind(client) == []
    wanted = {"query": result["query"], "k": 3, "filter": "age > 65", "exclude_sites": ["B"], "one_per_subject": True}
    found = finish(client, client.post("/api/search", json=wanted))["result"]
    assert len({hit["subject_id"] for hit in found["hits"]}) == 3
    assert all(hit["age"] > 65 and hit["site"] != "B" for hit in found["hits"])
    assert found["own_site"]["name"] == "A"
    volume = client.get(f"/api/queries/{result['query']}/volume.nii").content
    image = nibabel.Nifti1Image.from_bytes(volume)
    assert image.shape == SHAPE
    assert np.allclose(image.affine[:3, 3], -SPACING * (np.array(SHAPE) - 1) / 2)


def test_the_scans_of_a_subject_that_is_named_are_left_out(client, new, finish):
    image, mask = new
    subject = client.get("/api/scans").json()["scans"][0]["subject_id"]
    one = finish(client, upload(client, image, mask, subject=f" {subject} "))["result"]
    assert one["known_subject"]
    found = finish(client, client.post("/api/search", json={"query": one["query"], "k": 50}))["result"]
    assert (len(found["hits"]), found["own_subject_left_out"]) == (22, 2)
    assert subject not in {hit["subject_id"] for hit in found["hits"]}
    # Its own name in the archive is not what the page shows, and would tell that it is there.
    response = upload(client, image, mask, subject="person00")
    assert response.status_code == 422
    assert response.json()["error"].startswith("subject: no scan of the archive is of 'person00'")
    assert left_behind(client) == []


def test_approximate_search_is_offered_where_there_is_a_graph(client, make_client, index_folder, tmp_path, finish):
    pytest.importorskip("usearch")
    scan = client.get("/api/scans").json()["scans"][0]["scan"]
    refused = client.post("/api/search", json={"scan": scan, "approximate": True})
    assert (refused.status_code, "has no graph" in refused.json()["error"]) == (422, True)
    assert 'id="approximate"' not in client.get("/").text
    folder = shutil.copytree(index_folder, tmp_path / "index")
    with writing(folder) as writer:
        writer.compact(graph=True)
    other = make_client(folder)
    assert "quicker in a large archive, finds 100.0% of the 10 nearest" in other.get("/").text
    scan = other.get("/api/scans").json()["scans"][0]["scan"]
    exact, quick = (
        finish(other, other.post("/api/search", json={"scan": scan, "k": 5, "approximate": wanted}))["result"]
        for wanted in (False, True)
    )
    assert (exact["approximate"], quick["approximate"]) == (False, True)
    assert quick["hits"] == exact["hits"]


def test_a_file_of_the_archive_is_known_and_is_its_own_nearest_but_for_its_subject(client, files, finish):
    one = finish(client, upload(client, files / "secret-4.nii.gz", files / "secret-4_mask.nii.gz"))["result"]
    assert one["known_subject"]
    found = finish(client, client.post("/api/search", json={"query": one["query"], "k": 50}))["result"]
    assert (len(found["hits"]), found["own_subject_left_out"]) == (22, 2)


def test_a_query_that_fails_the_gate_is_answered_on_request_and_marked(client, tmp_path, finish):
    # As a CT: bone far above all else.
    image, mask = head(7)
    image[5:7, 5:7, 5:7] = 200
    bad = save(tmp_path / "ct.nii.gz", image), save(tmp_path / "mask.nii.gz", mask)
    one = finish(client, upload(client, *bad))["result"]
    assert "correlation with the training's mean volume" in " ".join(one["warnings"])
    refused = finish(client, client.post("/api/search", json={"query": one["query"]}))["result"]
    assert refused["refused"] == one["warnings"]
    assert "hits" not in refused
    forced = finish(client, client.post("/api/search", json={"query": one["query"], "force": True}))["result"]
    assert forced["warnings"] == one["warnings"]
    assert one["warnings"][0] in client.get(f"/api/answers/{forced['answer']}.csv").text


def test_a_raw_image_is_prepared_first_where_the_model_can(client, new, model, finish, monkeypatch):
    state = finish(client, upload(client, *new, raw="1"))
    assert state["error"].startswith("the model cannot prepare raw images; scans must be prepared already")
    made = []

    def apply(settings, scans, folder):
        made.append((settings, folder.parent))
        return scans.assign(image=str(new[0]), mask=str(new[1]))

    monkeypatch.setitem(model.description, "raw", {"version": 1})
    monkeypatch.setattr("benchmark.search.serve.service.apply", apply)
    assert "As the scanner left it" in client.get("/").text
    raw = save(new[0].parent / "raw.nii", np.random.default_rng(0).random((20, 20, 20), np.float32))
    prepared, direct = (finish(client, upload(client, *files, **said))["result"] for files, said in (
        ((raw,), {"raw": "1"}), (new, {}),
    ))  # fmt: skip
    assert prepared["name"] == "raw.nii"
    one, two = (client.service.queries.get(each["query"]).query.ldr for each in (prepared, direct))
    assert np.array_equal(one, two)
    assert made[0][0] == {"version": 1}
    assert not made[0][1].exists()


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"age": "old"}, "age: must be in years"), ({"age": "nan"}, "age: must be in years"),
        ({"age": "-1"}, "age: must be in years"), ({"sex": "x"}, "sex: must be F, M"),
        ({str(number): "x" for number in range(20)}, "Too many fields"), ({"site": "x" * 5000}, "Part exceeded"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_file_is_checked(client, new, said, says):
    response = upload(client, *new, **said)
    assert response.status_code in (400, 422)
    assert says in response.json()["error"]
    assert left_behind(client) == []


def test_downloads_are_the_table(client, search):
    result = search(k=7)["result"]
    rows = list(csv.DictReader(io.StringIO(client.get(f"/api/answers/{result['answer']}.csv").text)))
    told = client.get(f"/api/answers/{result['answer']}.json")
    assert told.headers["content-disposition"] == 'attachment; filename="hits.json"'
    (query,) = told.json()["queries"]
    shown = [{name: value for name, value in hit.items() if name != "scan"} for hit in result["hits"]]
    assert query["hits"] == shown
    assert len(rows) == 7
    for row, hit in zip(rows, shown, strict=True):
        assert {name: row[name] for name in ("site", "subject_id", "session_id", "diagnosis", "sex")} == {
            name: hit[name] for name in ("site", "subject_id", "session_id", "diagnosis", "sex")
        }
        assert float(row["similarity"]) == hit["similarity"]
    assert client.get(f"/api/answers/{result['answer']}.exe").status_code == 404


def test_maps_are_of_the_volumes_that_the_model_sees(client, search, finish, model, scans):
    result = search(k=2)["result"]
    hit = result["hits"][0]["scan"]

    def volume(address):
        return nibabel.Nifti1Image.from_bytes(client.get(f"{address}/volume.nii").content).get_fdata()

    query, other = (volume_of(model.batch_of(scans[row : row + 1])) for row in (0, int(hit.partition("-")[2])))
    for seen, address in ((query, f"/api/queries/{result['query']}"), (other, f"/api/scans/{hit}")):
        # What lies outside of a mask, where the model has 0, is drawn as dark as anything.
        assert np.array_equal(volume(address), np.where(seen == 0, seen.min(), seen))
    maps = {}
    for kind in ("difference", "occlusion", "residual"):
        asked = {"kind": kind, "query": result["query"], "scan": hit}
        state = finish(client, client.post("/api/maps", json=asked))
        assert state["result"]["high"] > 0
        maps[kind] = volume(f"/api/maps/{state['result']['map']}")
    assert np.allclose(maps["difference"], query - other, atol=1e-6)
    weights = model.model.weights.detach().numpy()
    again = (weights @ (weights.T @ query.ravel())).reshape(SHAPE)
    assert np.allclose(maps["residual"], query - again, atol=1e-5)
    # One cube of three voxels an edge, by hand.
    unit = [each / np.linalg.norm(each) for each in ((weights.T @ v.ravel()) - model.centre for v in (query, other))]
    cut = query.copy()
    cut[3:6, 6:9, 3:6] = 0
    away = weights.T @ cut.ravel() - model.centre
    fall = unit[0] @ unit[1] - away / np.linalg.norm(away) @ unit[1]
    assert np.allclose(maps["occlusion"][3:6, 6:9, 3:6], fall, atol=1e-5)
    assert (maps["occlusion"][:1, :1, :1] == 0).all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("__import__('os').system('touch /tmp/x')", "is no comparison"),
        ("age.__class__ == 1", "a comparison needs a column"),
        ("(lambda: 0)() == 1", "a comparison needs a column"),
        ('subject_id == "person03"', None),
        ('hospital_number == "H0"', "column 'hospital_number' is not there"),
        ('image > "/"', "column 'image' is not there"),
        ("((((" * 400, "filter: "),
        ("age" * 900, "characters are not allowed"),
    ],
)
def test_filters_are_parsed_and_see_what_the_page_shows(client, search, text, says):
    scan = client.get("/api/scans").json()["scans"][0]["scan"]
    response = client.post("/api/search", json={"scan": scan, "filter": text})
    if response.status_code == 422:
        told = response.json()["error"]
    else:
        state = search(filter=text)
        told = state["error"]
        if says is None:
            assert state["result"]["hits"] == []
            return
    assert says in told
    assert "\n" not in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "asked",
    [
        {}, {"scan": "1-0", "query": "x"}, {"scan": 3}, {"scan": "1-0", "k": 0}, {"scan": "1-0", "k": 10**9},
        {"scan": "1-0", "k": True}, {"scan": "1-0", "exclude_sites": "A"}, {"scan": "1-0", "exclude_sites": [1]},
        {"scan": "../../etc/passwd"}, {"scan": "1-99"}, {"scan": "7-0"}, {"scan": "1--1"}, {"query": "../x"},
        [], "text", None,
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_one_line(client, asked):
    response = client.post("/api/search", json=asked)
    assert response.status_code in (400, 410, 422)
    assert list(response.json()) == ["error"]
    assert "\n" not in response.json()["error"]


def test_an_unknown_site_is_one_line(search):
    state = search(exclude_sites=["nowhere"])
    assert state["stage"] == "failed"
    assert state["error"].startswith("exclude_site: no scan is of site 'nowhere'")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/%2e%2e%2f%2e%2e%2fapp.py",
        "/static//etc/passwd", "/api/scans/..%2f..%2fetc%2fpasswd/volume.nii", "/api/answers/..%2fx.csv",
        "/api/scans/1-0%00/volume.nii", "/api/maps/../../x/volume.nii",
    ],
)  # fmt: skip
def test_no_path_leads_out(client, path):
    response = client.get(path)
    assert response.status_code in (404, 410)
    assert list(response.json()) == ["error"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no NIfTI file"),
        (b"<html>" * 200, "is no NIfTI file"),
        (b"\x1f\x8b" + b"\0" * 400, "is damaged or cut short"),
        (gzip.compress(bytes(10_000_000)), "is no NIfTI file"),
    ],
)  # fmt: skip
def test_what_is_no_nifti_is_refused(client, content, says):
    response = client.post("/api/queries", files={"image": ("../../x.nii.gz", content)})
    assert response.status_code == 422
    assert response.json()["error"] == f"x.nii.gz: {says}" + ("; .nii and .nii.gz are allowed" if "no" in says else "")
    assert left_behind(client) == []


def test_images_that_cannot_be_used_are_told_by_their_own_names(client, new, tmp_path, finish):
    image, mask = new
    whole = gzip.decompress(image.read_bytes())
    cut = tmp_path / "cut.nii"
    cut.write_bytes(whole[: len(whole) // 2])
    cut_zipped = tmp_path / "cutz.nii.gz"
    cut_zipped.write_bytes(image.read_bytes()[:-2000])
    four = save(tmp_path / "four.nii", np.stack([head(1)[0]] * 3, axis=-1))
    other = save(tmp_path / "other.nii", np.random.default_rng(0).random((20, 20, 20), np.float32))
    said = {
        cut: "is damaged or cut short", cut_zipped: "is damaged or cut short", four: "4", other: "is on a grid of 20",
    }  # fmt: skip
    for path, says in said.items():
        state = finish(client, upload(client, path, mask))
        assert state["stage"] == "failed"
        assert state["error"].startswith(f"{path.name}: ")
        assert says in state["error"]
        assert "seada-bench-serve" not in state["error"]
    assert finish(client, upload(client, image))["error"].startswith("masks: none is given for new.nii.gz")
    assert left_behind(client) == []


def test_an_upload_that_is_too_large_is_stopped(make_client):
    client = make_client(limit=10_000)
    sent = []

    def flood():
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.nii"\r\n\r\n'
        for number in range(1000):
            sent.append(number)
            yield b"\0" * 10_000

    headers = {"content-type": "multipart/form-data; boundary=x"}
    for response in (
        client.post("/api/queries", files={"image": ("a.nii", b"\0" * 200_000)}),
        client.post("/api/queries", content=flood(), headers=headers),
        client.post("/api/queries", files={"image": ("a.nii", b"\0" * 20_000)}),
    ):
        assert response.status_code == 413
        assert "uploads of at most 0 MB are allowed" in response.json()["error"]
    assert client.post("/api/search", content=b"[" * 100_000).status_code == 413
    assert client.post("/api/search", content=b"[" * 60_000).status_code == 400
    assert left_behind(client) == []


def test_fifty_people_at_once_are_answered_or_told_to_wait(make_client, new, finish):
    client = make_client(waiting=8)
    blocked = threading.Event()
    client.service.embedding.submit(lambda job: blocked.wait(30))
    scan = client.get("/api/scans").json()["scans"][0]["scan"]

    def one(number):
        if number % 2:
            return upload(client, *new)
        while (response := client.post("/api/search", json={"scan": scan})).status_code == 503:
            assert response.headers["retry-after"] == "3"
        return response

    with ThreadPoolExecutor(50) as pool:
        responses = list(pool.map(one, range(50)))
    searches, uploads = responses[::2], responses[1::2]
    # Those who pick a scan do not wait for the one who blocks the embedding.
    assert all(len(finish(client, response)["result"]["hits"]) == 10 for response in searches)
    accepted = [response for response in uploads if response.status_code == 202]
    assert len(accepted) == 8
    assert {response.status_code for response in uploads} == {202, 503}
    blocked.set()
    assert all(finish(client, response)["stage"] == "done" for response in accepted)
    assert left_behind(client) == []


def test_a_scan_that_was_removed_is_found_no_longer(make_client, model, scans, tmp_path, finish):
    folder = tmp_path / "index"
    create(folder, indexed(model))
    add_scans(folder, model, scans)
    client = make_client(folder)
    before = client.get("/api/scans").json()["scans"][0]["scan"]
    with writing(folder) as writer:
        writer.remove(writer.opened().having("subject_id", ["person05"]))
    assert client.get("/api/scans").json()["total"] == 22
    response = client.post("/api/search", json={"scan": before})
    assert (response.status_code, response.json()) == (410, {"error": "the archive has changed; search again"})


def test_files_that_went_are_told_without_their_names(make_client, model, scans, tmp_path, finish):
    image, mask = head(50)
    one = scans[:1].assign(
        image=str(save(tmp_path / "gone.nii", image)), mask=str(save(tmp_path / "gone_mask.nii", mask))
    )
    create(tmp_path / "index", indexed(model))
    add_scans(tmp_path / "index", model, one)
    (tmp_path / "gone.nii").unlink()
    client = make_client(tmp_path / "index")
    scan = client.get("/api/scans").json()["scans"][0]["scan"]
    response = client.get(f"/api/scans/{scan}/volume.nii")
    assert response.status_code == 422
    assert response.json()["error"].startswith("scan A/sub-")
    assert "gone" not in response.json()["error"]
