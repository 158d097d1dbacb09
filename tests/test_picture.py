"""Pictures of anybody's: what is read, how it becomes an image of a data set, what is refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from fitting_room import data
from fitting_room.data import picture
from fitting_room.data.picture import MOST_PIXELS, Converted, read_picture
from fitting_room.errors import UserError
from fitting_room.spec import TASKS

DARK = np.pad(np.full((10, 10), 40, np.uint8), 10, constant_values=220)
"""A dark square on light paper, 30 × 30."""


def convert(path: Path, task: str, shape: tuple[int, ...] = (28, 28)) -> Converted:
    """Return the picture as an image of a task of this project."""
    return picture.convert(path, TASKS[task], shape)


def saved(folder: Path, pixels: Any = DARK, *, name: str = "a.png", **how: Any) -> Path:
    """Save an array or an image and return where."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(folder / name, **how)
    return folder / name


def header(width: int, height: int) -> bytes:
    """Return a PNG that claims a size and has no pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(chunk))
    data = b"IDAT" + zlib.compress(b"")
    ends = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + crc + ends


def test_a_grey_picture_is_read_as_it_is(tmp_path: Path) -> None:
    """Each pixel is its grey."""
    assert np.array_equal(read_picture(saved(tmp_path)), DARK)


@pytest.mark.parametrize(
    ("mode", "name"),
    [("RGB", "a.jpg"), ("CMYK", "a.jpg"), ("P", "a.png"), ("RGBA", "a.png"), ("1", "a.png")],
)
def test_every_usual_kind_shows_the_same(tmp_path: Path, mode: str, name: str) -> None:
    """Colours, palettes, inks and single bits; JPEG may be off by a little."""
    pixels = np.where(DARK < 128, 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels).convert("RGB").convert(mode)
    read = read_picture(saved(tmp_path, image, name=name))
    assert np.abs(read.astype(int) - pixels).max() < 20


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    """A black drawing on nothing is a black drawing on white."""
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[5:15, 5:15, 3] = 255
    read = read_picture(saved(tmp_path, pixels))
    assert np.array_equal(read, 255 - pixels[..., 3])


def test_a_picture_is_turned_as_its_camera_was_held(tmp_path: Path) -> None:
    """Orientation 6 is a quarter turn: wide becomes high."""
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read_picture(saved(tmp_path, DARK[:20], name="a.jpg", exif=exif)).shape == (30, 20)


def photo(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Enlarge an image of a data set tenfold, dark on a larger white sheet."""
    large = Image.fromarray(image).resize((280, 280), Image.Resampling.BICUBIC)
    sheet = Image.new("L", (500, 420), 0)
    sheet.paste(large, (90, 40))
    return 255 - np.asarray(sheet)


def correlation(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return the correlation of two images' pixels."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("task", ["fashion_mnist", "mnist"])
@pytest.mark.parametrize("negative", [False, True])
def test_an_image_of_the_data_set_stays_as_it_is(tmp_path: Path, task: str, negative: bool) -> None:
    """Bright on dark or dark on bright, 28 × 28 is neither cut nor moved, and nothing says so."""
    for image in np.asarray(data.load(data.sample(task)).test_images[:20]):
        converted = convert(saved(tmp_path, 255 - image if negative else image), task)
        assert np.array_equal(converted.pixels, image)
        assert len(converted.steps) == 2


@pytest.mark.parametrize("task", ["fashion_mnist", "mnist"])
def test_a_large_picture_becomes_the_image_it_was_made_of(tmp_path: Path, task: str) -> None:
    """Ten times as large, elsewhere on a sheet: nearly the same, or off by a pixel."""
    images = np.asarray(data.load(data.sample(task)).test_images[:40])
    found = [correlation(convert(saved(tmp_path, photo(i)), task).pixels, i) for i in images]
    assert np.median(found) > 0.92
    assert np.quantile(found, 0.1) > 0.75


def test_grey_paper_becomes_black(tmp_path: Path) -> None:
    """Paper that is not white leaves nothing around the digit."""
    paper = np.full((60, 60), 200, np.uint8)
    paper[20:40, 25:30] = 30
    converted = convert(saved(tmp_path, paper), "mnist")
    assert (converted.pixels[0, 0], converted.pixels.max()) == (0, 170)
    assert "grey, as distance from the border's 200" in converted.steps


def test_clothing_fills_the_longest_edge_and_is_centred(tmp_path: Path) -> None:
    """A tall thing is 28 pixels high, and as much room is left of it as right."""
    paper = np.full((100, 100), 255, np.uint8)
    paper[10:90, 5:45] = 60
    image = convert(saved(tmp_path, paper), "fashion_mnist").pixels
    columns = np.flatnonzero(image.any(axis=0))
    assert image.any(axis=1).all()
    assert (columns[0], columns[-1]) == (7, 20)


def test_a_digit_is_in_its_box_and_its_mass_in_the_centre(tmp_path: Path) -> None:
    """20 pixels along the longest side, and the centre of mass within half a pixel."""
    paper = np.full((300, 200), 255, np.uint8)
    paper[30:230, 40:60] = paper[200:230, 40:140] = 0
    image = convert(saved(tmp_path, paper), "mnist").pixels
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert np.abs(np.array(ndimage.center_of_mass(image)) - 14).max() <= 0.5


def test_nothing_is_said_to_be_cut_where_nothing_was(tmp_path: Path) -> None:
    """What reaches every edge is not cut, and what has its size is cut alone."""
    cross = np.full((1000, 8), 255, np.uint8)
    cross[0] = cross[-1] = cross[500, [0, -1]] = 0
    converted = convert(saved(tmp_path, cross), "fashion_mnist")
    assert converted.steps[2:] == ("scaled to 1 × 28", "centred by its box in 28 × 28")
    filling = np.pad(np.full((28, 28), 20, np.uint8), 6, constant_values=255)
    assert convert(saved(tmp_path, filling), "fashion_mnist").steps[2:] == ("cut to 28 × 28",)


def test_other_sizes_are_filled_and_colours_are_told(tmp_path: Path) -> None:
    """A square in 16 × 12 is 12 wide; an image with channels can be made of no picture."""
    image = convert(saved(tmp_path), "fashion_mnist", (16, 12)).pixels
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (2, 13, 0, 11)
    with pytest.raises(UserError, match=r"one of MNIST has the shape \(32, 32, 3\)"):
        convert(saved(tmp_path), "mnist", (32, 32, 3))


def absurd(folder: Path) -> dict[str, Path]:
    """Make every file that is refused, by what is said of it."""
    whole = saved(folder, np.random.default_rng(0).integers(0, 255, (99, 99), np.uint8))
    cut = folder / "cut.png"
    cut.write_bytes(whole.read_bytes()[:2000])
    text, bomb, large = folder / "text.png", folder / "bomb.png", folder / "large.png"
    text.write_text("no picture", encoding="utf-8")
    bomb.write_bytes(header(50_000, 50_000))
    large.write_bytes(header(9_000, 9_000))
    frames = [Image.fromarray(DARK), Image.fromarray(255 - DARK)]
    return {
        "No such file": folder / "none.png",
        "Is a directory": folder,
        "truncated": cut,
        "it is no PNG and no JPEG": text,
        f"more than {MOST_PIXELS:,} pixels": bomb,
        "9,000 × 9,000 pixels": large,
        "1 × 1 pixels, 8 × 8 are the least": saved(folder, DARK[:1, :1], name="dot.png"),
        "30 × 3 pixels": saved(folder, DARK[:3], name="line.png"),
        "nothing on it stands out": saved(folder, np.full((30, 30), 9, np.uint8), name="blank.png"),
        "16 bits a pixel": saved(folder, np.zeros((9, 9), np.uint16), name="deep.png"),
        "it is animated": saved(
            folder, frames[0], name="film.png", save_all=True, append_images=frames[1:]
        ),
        "no PNG and no JPEG: ": saved(folder, name="a.gif"),
    }


def test_absurd_files_are_refused_with_the_reason(tmp_path: Path) -> None:
    """None of them is decoded further than it takes to tell."""
    for said, path in absurd(tmp_path).items():
        with pytest.raises(UserError) as refused:
            convert(path, "mnist")
        assert f"{path} cannot be used: " in str(refused.value)
        assert said.removesuffix(": ") in str(refused.value)
        assert "Expected is a PNG or JPEG" in str(refused.value)


@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_file_is_an_error_of_the_user_and_no_other(tmp_path: Path, seed: int) -> None:
    """Whatever byte of a PNG or JPEG is wrong, it is read or refused."""
    generator = np.random.default_rng(seed)
    path = saved(tmp_path, name=("a.png", "a.jpg")[seed % 2])
    content = bytearray(path.read_bytes())
    for at in generator.integers(0, len(content), 4):
        content[at] = generator.integers(256)
    path.write_bytes(content)
    try:
        convert(path, "mnist")
    except UserError as error:
        assert "cannot be used" in str(error)
