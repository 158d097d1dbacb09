"""The report page in a real browser, from the file system."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from pages import CNN, DENSE, write

sync_api = pytest.importorskip("playwright.sync_api", reason="a browser is driven by Playwright")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PROGRAM = next((path for name in NAMES if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")

ORDER = "[...document.querySelectorAll('[data-task=fashion_mnist] > tbody')].map((body) => body.id)"
OPEN = "[...document.querySelectorAll('tr.detail:not([hidden])')].map((row) => row.id)"
SORTED = "[...document.querySelectorAll('[aria-sort]')].map((h) => [h.dataset.column, h.ariaSort])"
FOCUSED = "document.activeElement.innerText"
CNN_32 = "fashion_mnist-cnn_32"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all tests of this file."""
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=PROGRAM)
        yield found
        found.close()


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """A window of its own, 1,280 pixels wide."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page on disk."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    write(path)
    return path.as_uri()


def test_page_opens_without_network_and_without_a_complaint(tab: Any, address: str) -> None:
    """It asks for itself and for what it carries; the console stays empty."""
    asked: set[str] = set()
    wrong: list[str] = []
    tab.on("request", lambda request: asked.add(request.url))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda message: wrong.append(message.text))
    tab.goto(address)
    others = {each for each in asked if not each.startswith(("data:", "about:"))}
    assert (others, wrong) == ({address}, [])
    assert tab.evaluate("[...document.images].every((image) => image.naturalWidth >= 28)")
    assert tab.evaluate("document.querySelectorAll('.plots img').length") == 13
    assert tab.evaluate("document.querySelectorAll('.images img').length") > 0


def test_table_is_sorted_by_its_address(tab: Any, address: str) -> None:
    """Numbers as numbers, either way; a case without a figure comes last both times."""
    tab.goto(f"{address}#sort=fashion_mnist.parameters.descending")
    assert tab.evaluate(ORDER) == [CNN, DENSE, CNN_32]
    assert tab.evaluate(SORTED) == [["parameters", "descending"]]
    tab.goto("about:blank")  # a new fragment alone would load nothing
    tab.goto(f"{address}#sort=fashion_mnist.parameters.ascending")
    assert tab.evaluate(ORDER) == [DENSE, CNN, CNN_32]


def test_heading_sorts_by_keyboard_and_the_address_remembers(tab: Any, address: str) -> None:
    """Tab to it, press Enter, press Space: up, then down."""
    tab.goto(address)
    while tab.evaluate(FOCUSED) != "test accuracy %":
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert tab.evaluate(SORTED) == [["test_accuracy", "ascending"]]
    assert tab.evaluate(ORDER) == [DENSE, CNN, CNN_32]
    tab.keyboard.press("Space")
    assert tab.evaluate(ORDER) == [CNN, DENSE, CNN_32]
    assert tab.evaluate("location.hash") == "#sort=fashion_mnist.test_accuracy.descending"


def test_row_opens_and_closes(tab: Any, address: str) -> None:
    """All are closed at first; a press opens one, and it stays with its row when sorted."""
    tab.goto(address)
    assert tab.evaluate(OPEN) == []
    tab.evaluate(f"document.querySelector('#{CNN} th button').click()")
    tab.evaluate("document.querySelector('[data-column=architecture] button').click()")
    assert tab.evaluate(OPEN) == [f"{CNN}-detail"]
    assert tab.evaluate(f"document.querySelector('#{CNN} th button').ariaExpanded") == "true"
    assert tab.evaluate(ORDER) == [CNN_32, CNN, DENSE]
    tab.evaluate(f"document.querySelector('#{CNN} th button').click()")
    assert tab.evaluate(OPEN) == []


def test_one_button_opens_all(tab: Any, address: str) -> None:
    """And closes them again."""
    tab.goto(f"{address}#open={DENSE}")
    assert tab.evaluate(OPEN) == [f"{DENSE}-detail"]
    tab.evaluate("document.getElementById('all').click()")
    assert len(tab.evaluate(OPEN)) == 5
    tab.evaluate("document.getElementById('all').click()")
    assert tab.evaluate(OPEN) == []


@pytest.mark.parametrize("width", [1280, 400])
def test_page_is_never_wider_than_its_window(tab: Any, address: str, width: int) -> None:
    """Wide tables scroll within their frame, what a row opens to does not."""
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(f"{address}#open={CNN}")
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    assert tab.evaluate(f"document.querySelector('#{CNN}-detail div').clientWidth") <= width


@pytest.mark.parametrize("dark", [False, True])
def test_page_follows_the_colour_scheme(tab: Any, address: str, dark: bool) -> None:
    """Paper and ink change places."""
    tab.emulate_media(color_scheme="dark" if dark else "light")
    tab.goto(address)
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(13, 17, 23)" if dark else "rgb(255, 255, 255)")
