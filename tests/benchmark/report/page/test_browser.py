"""The page in a real browser: sorting, choosing, width, and that nothing is fetched or run that should not be."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from html import unescape
from importlib.resources import files

import pytest

from benchmark.cli import main
from benchmark.methods.card import MethodCard
from benchmark.report.about import ABOUT, About
from benchmark.report.blocks import paragraph
from benchmark.report.write_all import write_all
from tests.benchmark.search.serve.chromium import CHROMIUM, Browser

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome binary is on PATH"),
    pytest.mark.browser,
]

#: Runs after the page's own script and leaves what it sees in the document.
PROBE = """
const seen = {};
const table = document.getElementById("retrieval-1");
const names = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
const header = (place) => table.tHead.rows[0].cells[place];
const sorts = () => [...table.tHead.rows[0].cells].map((each) => each.getAttribute("aria-sort"));
seen.own = names();
seen.buttons = [...table.tHead.rows[0].cells].every((each) => each.querySelector("button"));
header(1).querySelector("button").click(); seen.ascending = [names(), sorts()[1]];
seen.arrow = getComputedStyle(header(1).querySelector("span"), "::after").content;
header(1).querySelector("button").click(); seen.descending = [names(), sorts()[1]];
header(2).querySelector("button").click(); seen.other = [names(), sorts().slice(1, 3)];
header(2).querySelector("button").focus(); seen.focus = document.activeElement.textContent;
header(2).querySelector("button").click(); header(2).querySelector("button").click(); seen.back = [names(), sorts()[2]];
header(3).querySelector("button").click(); seen.missing = names();
seen.sticky = getComputedStyle(table.tBodies[0].rows[0].cells[0]).position;
const shown = () => [...document.querySelectorAll(".matrix")].filter((each) => each.offsetParent)
  .map((each) => [each.dataset.measure, each.dataset.method]);
const select = document.getElementById("method");
seen.matrix = [shown()];
select.value = "random_vectors"; select.dispatchEvent(new Event("change")); seen.matrix.push(shown());
seen.width = [document.documentElement.scrollWidth, window.innerWidth];
seen.foot = table.tFoot.rows[0].cells[0].textContent;
document.documentElement.dataset.seen = JSON.stringify(seen);
"""


def run(path, *options, hash_=""):
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--enable-logging=stderr", f"--user-data-dir={path.parent / 'profile'}",
            "--virtual-time-budget=3000", "--dump-dom", *options, f"{path.as_uri()}{hash_}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.fixture
def server():
    """A port that counts who calls."""
    calls = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                calls.append(connection.recv(1000))
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1], calls
        listening.shutdown(socket.SHUT_RDWR)


def test_sorted_by_address_nothing_fetched_nothing_run(write_results, make_examples, server, tmp_path):
    port, calls = server
    address = f"http://127.0.0.1:{port}/x"
    # Even unescaped, as in the figure, nothing may call.
    method = f"<script src={address}></script><script>fetch('{address}')</script>"
    site = f'"><img src={address} onerror=alert(1)>'
    figure = (
        f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{address}"/><script>fetch("{address}")</script></svg>'
    )
    write_all(
        write_results(method=method, site=site, note=f"<link rel=stylesheet href={address}>"),
        tmp_path / "out",
        examples=[make_examples(site=site, method=method)],
        statistics=[paragraph(f"<iframe src={address}></iframe>")],
        figures={site: figure},
    )
    dom, console = run(tmp_path / "out" / "report.html", hash_="#sort=retrieval-1:1:descending")
    assert console == []
    assert calls == []
    headers = re.findall(r'<th[^>]*aria-sort="(\w+)"', dom[dom.index('id="retrieval-1"') :])[:3]
    assert headers == ["none", "descending", "none"]
    body = dom[dom.index('id="retrieval-1"') :]
    body = body[body.index("<tbody>") : body.index("</tbody>")]
    rows = [unescape(name) for name in re.findall(r'<th scope="row">(.*?)</th>', body)]
    # Own order: plain 0.615, random_vectors 0.715, the hostile one 0.515.
    assert rows == ["random_vectors", "plain", method]


def test_sorting_choosing_and_width(write_results, make_examples, hostile, tmp_path):
    write_all(write_results(), tmp_path / "out", examples=[make_examples()])
    path = tmp_path / "out" / "report.html"
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", path.read_text(encoding="utf-8"))
    probed = tmp_path / "out" / "probed.html"
    probed.write_text(text.replace("</body>", f"<script>{PROBE}</script></body>"), encoding="utf-8")
    dom, console = run(probed, "--window-size=400,900")
    assert console == []
    seen = json.loads(unescape(re.search(r'data-seen="([^"]*)"', dom)[1]))
    own = ["plain", "random_vectors", hostile["method"]]
    assert seen["own"] == own
    assert seen["buttons"]
    assert seen["ascending"] == [[hostile["method"], "plain", "random_vectors"], "ascending"]
    assert "▲" in seen["arrow"]
    assert seen["descending"] == [["random_vectors", "plain", hostile["method"]], "descending"]
    assert seen["other"] == [[hostile["method"], "plain", "random_vectors"], ["none", "ascending"]]
    assert seen["focus"].startswith("P@1")
    assert seen["back"] == [own, "none"]
    assert seen["missing"] == own
    assert seen["sticky"] == "sticky"
    assert seen["matrix"] == [[["0", "plain"]], [["0", "random_vectors"]]]
    assert seen["width"][0] <= seen["width"][1]
    assert seen["foot"] == "chance"


#: What axe-core finds that keeps people from using the page.
VIOLATIONS = """axe.run(document).then((result) => result.violations
  .filter((each) => ["serious", "critical"].includes(each.impact))
  .map((each) => [each.id, each.nodes[0].html, each.nodes[0].failureSummary]))"""
#: Whether the page is as wide as the screen, and every table lies in a box that scrolls.
WITHIN = """document.documentElement.scrollWidth <= innerWidth
  && [...document.querySelectorAll("main table")].every((each) => each.closest(".scroll, .card"))"""


@pytest.fixture
def browser(tmp_path):
    made = Browser(tmp_path / "profile")
    yield made
    made.close()


def test_report_and_leaderboard_are_accessible_and_cards_open(write_results, make_examples, browser, tmp_path):
    cards = {"plain": MethodCard(needs_site_at_test=True), "random_vectors": MethodCard(role="floor")}
    about = About(synthetic=True, cards=cards, methods=["plain", "random_vectors"])
    folder = write_results(provenance={ABOUT: about.to_json()})
    write_all(folder, tmp_path / "report", examples=[make_examples()], statistics=[paragraph("Tests.")])
    assert main(["leaderboard", str(folder), "--out", str(tmp_path)]) == 0
    axe = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
    for path in (tmp_path / "report" / "report.html", tmp_path / "index.html"):
        for scheme, width in (("light", 1400), ("dark", 390)):
            browser.scheme(scheme)
            browser.width(width)
            browser.call("Page.navigate", url=path.as_uri())
            browser.until('document.readyState === "complete" && !!document.querySelector("th button")')
            assert browser.run(WITHIN), (path, width)
            browser.run(axe)
            assert browser.run(VIOLATIONS) == [], (path, scheme)
    rows = "document.querySelectorAll('#leaderboard tbody tr:not([hidden])').length"
    assert browser.run(rows) == 3
    browser.run(
        "const site = document.querySelector('select[name=site]'); site.value = 'yes'; "
        "site.dispatchEvent(new Event('change', { bubbles: true }))"
    )
    assert browser.run(rows) == 1
    assert browser.run("document.getElementById('shown').textContent") == "1 of 3 rows"
    browser.run("document.querySelector('#leaderboard tr:not([hidden]) th a').click()")
    browser.until("!!document.querySelector('dialog[open]')")
    assert browser.run("document.querySelector('dialog[open] h2').textContent") == "plain"
    assert browser.run(VIOLATIONS) == []
    browser.run("document.querySelector('dialog[open] form button').click()")
    browser.until("!document.querySelector('dialog[open]') && !location.hash")
    assert browser.logged == []
    assert {address.split(":")[0] for address in browser.asked} <= {"file", "data", "about"}
