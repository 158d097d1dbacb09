"""The report page in a real browser, from the file system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import Browser, browser, installed
from pages import CNN, DENSE, write

PROGRAM = installed()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")

ORDER = "[...document.querySelectorAll('[data-task=fashion_mnist] > tbody')].map((body) => body.id)"
OPEN = "[...document.querySelectorAll('tr.detail:not([hidden])')].map((row) => row.id)"
SORTED = "[...document.querySelectorAll('[aria-sort]')].map((h) => [h.dataset.column, h.ariaSort])"
FOCUSED = "document.activeElement.innerText"
CNN_32 = "fashion_mnist-cnn_32"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of this file."""
    with browser(PROGRAM or "", tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page on disk."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    write(path)
    return path.as_uri()


def test_page_opens_without_network_and_without_a_complaint(tab: Browser, address: str) -> None:
    """It asks for itself and for what it carries; the console stays empty."""
    tab.asked.clear()
    tab.open(address)
    others = {asked for asked in tab.asked if not asked.startswith(("data:", "about:"))}
    assert (others, tab.wrong) == ({address}, [])
    assert tab.run("[...document.images].every((image) => image.naturalWidth >= 28)")
    assert tab.run("document.querySelectorAll('.plots img').length") == 9
    assert tab.run("document.querySelectorAll('.images img').length") > 0


def test_table_is_sorted_by_its_address(tab: Browser, address: str) -> None:
    """Numbers as numbers, either way; a case without a figure comes last both times."""
    tab.open(f"{address}#sort=fashion_mnist.parameters.descending")
    assert tab.run(ORDER) == [CNN, DENSE, CNN_32]
    assert tab.run(SORTED) == [["parameters", "descending"]]
    tab.open(f"{address}#sort=fashion_mnist.parameters.ascending")
    assert tab.run(ORDER) == [DENSE, CNN, CNN_32]


def test_heading_sorts_by_keyboard_and_the_address_remembers(tab: Browser, address: str) -> None:
    """Tab to it, press Enter, press Space: up, then down."""
    tab.open(address)
    while tab.run(FOCUSED) != "test accuracy (%)":
        tab.press("Tab")
    tab.press("Enter")
    assert tab.run(SORTED) == [["test_accuracy", "ascending"]]
    assert tab.run(ORDER) == [DENSE, CNN, CNN_32]
    tab.press(" ")
    assert tab.run(ORDER) == [CNN, DENSE, CNN_32]
    assert tab.run("location.hash") == "#sort=fashion_mnist.test_accuracy.descending"


def test_row_opens_and_closes(tab: Browser, address: str) -> None:
    """All are closed at first; a press opens one, and it stays with its row when sorted."""
    tab.open(address)
    assert tab.run(OPEN) == []
    tab.run(f"document.querySelector('#{CNN} th button').click()")
    tab.run("document.querySelector('[data-column=architecture] button').click()")
    assert tab.run(OPEN) == [f"{CNN}-detail"]
    assert tab.run(f"document.querySelector('#{CNN} th button').ariaExpanded") == "true"
    assert tab.run(ORDER) == [CNN_32, CNN, DENSE]
    tab.run(f"document.querySelector('#{CNN} th button').click()")
    assert tab.run(OPEN) == []


def test_one_button_opens_all(tab: Browser, address: str) -> None:
    """And closes them again."""
    tab.open(f"{address}#open={DENSE}")
    assert tab.run(OPEN) == [f"{DENSE}-detail"]
    tab.run("document.getElementById('all').click()")
    assert len(tab.run(OPEN)) == 5
    tab.run("document.getElementById('all').click()")
    assert tab.run(OPEN) == []


@pytest.mark.parametrize("width", [1280, 400])
def test_page_is_never_wider_than_its_window(tab: Browser, address: str, width: int) -> None:
    """Wide tables scroll within their frame, what a row opens to does not."""
    tab.open(f"{address}#open={CNN}", width=width)
    assert tab.run("document.documentElement.scrollWidth") == width
    assert tab.run(f"document.querySelector('#{CNN}-detail div').clientWidth") <= width


@pytest.mark.parametrize("dark", [False, True])
def test_page_follows_the_colour_scheme(tab: Browser, address: str, dark: bool) -> None:
    """Paper and ink change places."""
    tab.open(address, dark=dark)
    paper = tab.run("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(13, 17, 23)" if dark else "rgb(255, 255, 255)")
