"""Token, cookie, Host, Origin and headers."""

from __future__ import annotations

import pytest

from benchmark.search.serve.security import POLICY, Access
from tests.benchmark.search.serve.conftest import HOST, HOSTILE


def test_nobody_is_answered_without_the_cookie_and_the_token_is_worth_one(make_client):
    client = make_client(login=False)
    for path in ("/api/scans", "/api/jobs/x", "/api/scans/1-0/volume.nii", "/nothing"):
        assert client.get(path).status_code == 401
    assert client.post("/api/search", json={}).status_code == 401
    page = client.get("/").text
    assert "Open the address that the server printed" in page
    assert "subjects" not in page
    for token in ("", "x" * 43, client.access.token[:-1], "é", None, 3):
        assert client.post("/api/login", json={"token": token}).status_code == 401
    response = client.post("/api/login", json={"token": client.access.token})
    assert response.headers["set-cookie"].endswith("; HttpOnly; SameSite=Strict; Path=/")
    assert client.access.token not in response.headers["set-cookie"]
    assert client.get("/api/scans").status_code == 200
    assert "24 scans of 12 subjects at 3 sites" in client.get("/").text
    client.cookies.clear()
    client.cookies.set(client.access.cookie, client.access.token)
    assert client.get("/api/scans").status_code == 401


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8765", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:8765@evil", "x:y", "",
        "localhost.:8765",
    ],
)  # fmt: skip
def test_another_host_is_refused(client, host):
    for path in ("/", "/api/scans", "/static/page.css"):
        assert client.get(path, headers={"host": host}).status_code == 403


def test_this_machine_may_be_called_by_its_names(client):
    for host in ("localhost:8765", "[::1]:8765", HOST):
        assert client.get("/static/page.css", headers={"host": host}).status_code == 200


def test_a_server_at_every_address_is_called_by_addresses_alone():
    access = Access("0.0.0.0", 80)  # noqa: S104
    assert access.serves("192.168.1.7")
    assert access.serves("192.168.1.7:80")
    assert not access.serves("evil.example")
    assert not Access("127.0.0.1", 80).serves("192.168.1.7")
    assert access.url.startswith("http://127.0.0.1:80/#")
    assert Access("::1", 80).url.startswith("http://[::1]:80/#")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", f"https://{HOST}", f"http://{HOST}/", None])
def test_another_origin_changes_nothing(client, origin):
    client.headers.pop("origin")
    headers = {} if origin is None else {"origin": origin}
    for path in ("/api/login", "/api/search", "/api/maps", "/api/queries"):
        response = client.post(path, json={"token": client.access.token}, headers=headers)
        assert response.status_code == 403
        assert "Origin" in response.json()["error"]


def test_every_answer_has_the_headers(client):
    answers = [
        client.get("/"), client.get("/static/page.js"), client.get("/api/scans"), client.get("/nothing"),
        client.get("/", headers={"host": "evil"}), client.post("/api/search", json={}), client.delete("/api/scans"),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 403, 422, 405]
    for answer in answers:
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
    assert "unsafe" not in POLICY


def test_what_goes_wrong_inside_is_one_line(client, monkeypatch):
    monkeypatch.setattr(client.service.archives, "current", lambda: 1 / 0)
    response = client.get("/api/scans")
    assert (response.status_code, list(response.json())) == (500, ["error"])
    assert response.headers["content-security-policy"] == POLICY


def test_names_of_the_archive_are_text(client):
    page = client.get("/").text
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in page
    assert "<script>" not in page
    assert " style=" not in page
    assert " onclick=" not in page
