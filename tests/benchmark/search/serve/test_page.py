"""The page in a real browser: by keyboard alone, with files, on a narrow screen; and what it asks for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.benchmark.search.serve.chromium import CHROMIUM, Browser
from tests.benchmark.search.serve.conftest import head, save

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome binary is on PATH"),
    pytest.mark.browser,
    pytest.mark.slow,
]
HITS = 'document.querySelectorAll("#hits tbody tr").length'
FOCUS = "document.activeElement.textContent"
#: Whether every viewer that is shown has its volume.
LOADED = (
    'state.viewers.length === 4 && state.viewers.every((each) => each.figure.hidden || '
    '(each.loaded && !each.caption.textContent.endsWith("…")))'
)  # fmt: skip
#: Pixels of a canvas that are not black.
BRIGHT = """(() => {
  const of = state.viewers[%d]; of.shown.drawScene();
  const gl = of.canvas.getContext("webgl2"), data = new Uint8Array(4 * of.canvas.width * of.canvas.height);
  gl.readPixels(0, 0, of.canvas.width, of.canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  return data.filter((value, place) => place %% 4 === 0 && value > 60).length;
})()"""


@pytest.fixture
def browser(tmp_path):
    made = Browser(tmp_path / "profile")
    yield made
    made.close()


@pytest.fixture
def picture(browser):
    """Keep a picture of the page, if somebody wants to look (SEADA_BENCH_PICTURES)."""
    folder = os.environ.get("SEADA_BENCH_PICTURES")
    return lambda name: browser.picture(Path(folder) / f"{name}.png") if folder else None


def tab_to(browser, text, most=60):
    """Go forward with the keyboard to what has a text."""
    for _ in range(most):
        browser.press("Tab")
        if browser.run(FOCUS) == text:
            return
    raise AssertionError(f"{text} is not reached")


def test_from_the_address_to_hits_by_keyboard_alone_and_narrow(browser, running, picture):
    browser.width(1280)
    browser.call("Page.navigate", url=running)
    browser.until('document.querySelectorAll("#list tbody tr").length === 10')
    assert browser.run("location.hash + document.cookie") == ""
    browser.run('document.getElementById("words").focus()')
    browser.type("AD")
    browser.press("Enter")
    browser.until('document.getElementById("list-count").textContent.includes("of 12 scans")')
    tab_to(browser, "Search")
    outline = browser.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    browser.press("Enter")
    browser.until(f"{HITS} === 10")
    browser.until(LOADED)
    assert browser.run(BRIGHT % 0) > 200
    assert browser.run(BRIGHT % 1) > 200
    assert browser.run("document.activeElement.id") == "answer"
    picture("light")
    tab_to(browser, "Show")
    for _ in range(3):
        tab_to(browser, "Show")
    browser.press("Enter")
    browser.until("state.first === 3")
    browser.until(LOADED)
    # One place for all viewers.
    browser.run('{ const x = document.getElementById("x"); x.value = 0.3; x.dispatchEvent(new Event("input")); }')
    places = browser.run("state.viewers.map((each) => each.shown.scene.crosshairPos[0])")
    assert places == pytest.approx([0.3] * 4)
    for name, says in (
        ("Difference", "query minus hit"),
        ("What carried the similarity", "fall of the"),
        ("What the model does not reconstruct", "reconstruction"),
    ):
        # Viewers take no key that leads past them.
        tab_to(browser, name)
        browser.press("Enter")
        browser.until(f'document.getElementById("map-state").textContent.includes("{says}")')
    picture("maps")
    browser.scheme("dark")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(21, 23, 27)"
    picture("dark")
    browser.width(390, 800)
    # Canvases follow a moment later.
    browser.until("document.documentElement.scrollWidth <= 390", 10)
    assert browser.run('document.getElementById("subject").getBoundingClientRect().right') <= 390
    picture("narrow-dark")
    browser.scheme("light")
    picture("narrow")
    assert browser.logged == []
    server = running.partition("#")[0]
    assert all(address.startswith((server, "data:", "blob:", "about:")) for address in browser.asked)
    assert browser.run("window.alerted") is None


def test_a_file_that_fails_the_gate_and_what_is_shown_on_request(browser, running, picture, tmp_path):
    image, mask = head(7)
    image[5:7, 5:7, 5:7] = 200
    browser.width(1280)
    browser.call("Page.navigate", url=running)
    browser.until('document.querySelectorAll("#list tbody tr").length === 10')
    browser.choose("#image", save(tmp_path / "ct.nii.gz", image))
    browser.choose("#mask", save(tmp_path / "ct_mask.nii.gz", mask))
    browser.run('document.querySelector("#file-form .primary").click()')
    browser.until('!document.getElementById("refused").hidden')
    assert browser.run('document.getElementById("found").hidden')
    picture("refused")
    browser.run('document.getElementById("force").click()')
    browser.until(f"{HITS} === 10")
    assert not browser.run('document.getElementById("warnings").hidden')
    browser.until(LOADED)
    picture("forced")
    browser.run('document.getElementById("subject").value = "nobody"')
    browser.run('document.querySelector("#file-form .primary").click()')
    browser.until('document.getElementById("error").textContent.includes("is of \'nobody\'")')
    subject = browser.run('document.querySelector("#list .name").textContent.split(" / ")[0]')
    browser.run(f'document.getElementById("subject").value = "{subject}"')
    browser.run('document.querySelector("#file-form .primary").click()')
    browser.until('!document.getElementById("refused").hidden')
    browser.run('document.getElementById("force").click()')
    browser.until('document.getElementById("summary").textContent.includes("2 of the query\'s own subject were left")')
    browser.run('document.getElementById("filter").value = "__import__(1)"')
    browser.run('document.getElementById("again").click()')
    browser.until('document.getElementById("error").textContent.includes("is no comparison")')
    # What the browser itself notes of the answer 422.
    assert [line for line in browser.logged if "422" not in line] == []


def test_without_a_token_nothing_is_told(browser, running):
    for address in (running.partition("#")[0], f"{running}x"):
        browser.call("Page.navigate", url="about:blank")
        browser.call("Page.navigate", url=address)
        browser.until('document.getElementById("login") !== null')
        assert "subjects" not in browser.run("document.body.innerText")
    browser.until('document.getElementById("login").textContent.includes("is not the address")')
