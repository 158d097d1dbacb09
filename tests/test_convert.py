"""Anybody's picture, made as the data set's images were made."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from bench.harness import data
from bench.harness.data.convert import BOX, CENTRE, SHARPEN, convert
from bench.harness.data.ground import ground_of, otsu
from bench.harness.data.picture import Picture

TASKS = ("fashion_mnist", "mnist")


def shown(grey: NDArray[np.uint8]) -> Picture:
    """Return a picture of these greys."""
    return Picture(np.stack([grey] * 3, axis=2), ())


def photo(image: NDArray[np.uint8], *, negative: bool = True) -> NDArray[np.uint8]:
    """Enlarge an image of the data set tenfold, on a larger sheet of its own ground."""
    large = Image.fromarray(image).resize((280, 280), Image.Resampling.BICUBIC)
    sheet = Image.new("L", (500, 420), 0)
    sheet.paste(large, (90, 40))
    pixels = np.asarray(sheet)
    return 255 - pixels if negative else pixels


def alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return the correlation of two images' pixels."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("negative", [False, True])
def test_an_image_of_the_data_set_stays_as_it_is(task: str, negative: bool) -> None:
    """Bright on dark or dark on bright, 28 × 28 is neither cut nor moved."""
    for image in data.load(data.sample(task)).test_images[:50]:
        given = 255 - image if negative else np.asarray(image)
        assert np.array_equal(convert(shown(given), task).pixels, image)


@pytest.mark.parametrize("task", TASKS)
def test_a_large_picture_becomes_the_image_it_was_made_of(task: str) -> None:
    """Ten times as large, elsewhere on a sheet: nearly the same, or off by a pixel."""
    images = np.asarray(data.load(data.sample(task)).test_images[:40])
    found = [alike(convert(shown(photo(image)), task).pixels, image) for image in images]
    assert np.median(found) > 0.92
    assert np.quantile(found, 0.1) > 0.75


@pytest.mark.parametrize("task", TASKS)
def test_light_on_dark_and_dark_on_light_are_one(task: str) -> None:
    """The negative of a picture gives the same image, and says that it was negated."""
    image = np.asarray(data.load(data.sample(task)).test_images[0])
    light, dark = (convert(shown(photo(image, negative=n)), task) for n in (False, True))
    assert np.abs(light.pixels.astype(int) - dark.pixels).max() <= 1
    assert [any("negated" in step for step in each.steps) for each in (light, dark)] == [0, 1]


def test_a_grey_ground_becomes_black() -> None:
    """Paper that is not white leaves nothing around the thing."""
    paper = np.full((60, 60), 200, np.uint8)
    paper[20:40, 25:30] = 30
    converted = convert(shown(paper), "mnist")
    assert (converted.pixels[0, 0], converted.pixels.max()) == (0, 255)
    assert "ground of grey 55 made black" in converted.steps


def test_clothing_fills_the_longest_edge_and_is_centred() -> None:
    """A tall thing is 28 pixels high, and as much room is left of it as right."""
    paper = np.full((100, 100), 255, np.uint8)
    paper[10:90, 5:45] = 60
    image = convert(shown(paper), "fashion_mnist").pixels
    columns = np.flatnonzero(image.any(axis=0))
    assert image.any(axis=1).all()
    assert (columns[0], columns[-1]) == (7, 20)


def test_a_digit_is_in_its_box_and_its_mass_in_the_centre() -> None:
    """20 pixels along the longest side, and the centre of mass within half a pixel."""
    paper = np.full((300, 200), 255, np.uint8)
    paper[30:230, 40:60] = paper[200:230, 40:140] = 0
    image = convert(shown(paper), "mnist").pixels
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == BOX
    assert np.abs(np.array(ndimage.center_of_mass(image)) - CENTRE).max() <= 0.5


def test_dirt_beside_a_digit_is_left_out() -> None:
    """A speck does not make the box larger."""
    paper = np.full((100, 100), 255, np.uint8)
    paper[20:60, 20:40] = 0
    clean = convert(shown(paper), "mnist").pixels
    paper[95, 95] = 0
    assert np.array_equal(convert(shown(paper), "mnist").pixels, clean)


def test_extreme_shapes_have_at_least_a_pixel() -> None:
    """A line of a thousand pixels by eight is a line of 28 by one."""
    paper = np.full((1020, 28), 255, np.uint8)
    paper[10:1010, 10:18] = 0
    assert convert(shown(paper), "fashion_mnist").pixels.any(axis=0).sum() == 1
    assert convert(shown(paper), "mnist").pixels.any(axis=0).sum() == 1


def test_the_sharpening_kernel_is_imagemagicks() -> None:
    """It adds up to 1; its centre is twice the Gaussian's sum, over what that leaves."""
    gauss = np.exp(-np.add.outer(*2 * [np.array([1, 0, 1])]) / 2)
    total = gauss.sum()
    rest = 2 * total - (total - 1)
    expected = np.where(gauss == 1, 2 * total, -gauss) / rest
    assert np.allclose(SHARPEN, expected)
    assert SHARPEN.sum() == pytest.approx(1)


def test_otsus_threshold_parts_two_greys() -> None:
    """It lies between them, whatever their shares."""
    grey = np.repeat([20.0, 200.0], [900, 100])[np.newaxis]
    assert 20 < otsu(grey) < 200
    assert np.array_equal(grey > otsu(grey), grey == 200)


def test_every_ground_of_both_test_sets_is_dark() -> None:
    """So an image as the data has it is never negated, and its negative always is."""
    for task in TASKS:
        images = np.asarray(data.load(data.sample(task)).test_images, float)
        assert not any(ground_of(image).light for image in images)
        assert all(ground_of(255 - image).light for image in images)
