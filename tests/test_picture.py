"""Pictures of anybody's: what is read, how, and what is refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.harness.data.picture import MOST_PIXELS, read_picture
from bench.harness.errors import UserError

DARK = np.pad(np.full((10, 10), 40, np.uint8), 10, constant_values=220)
"""A dark square on light ground, 30 × 30."""


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
    """All three colours are the grey, and so is its luma."""
    read = read_picture(saved(tmp_path))
    assert np.array_equal(read.pixels, np.stack([DARK] * 3, axis=2))
    assert np.allclose(read.grey, DARK)
    assert read.steps == ("read 30 × 30 pixels, L",)


@pytest.mark.parametrize(
    ("mode", "name"),
    [("RGB", "a.jpg"), ("CMYK", "a.jpg"), ("P", "a.png"), ("RGBA", "a.png"), ("1", "a.png")],
)
def test_every_usual_kind_shows_the_same(tmp_path: Path, mode: str, name: str) -> None:
    """Colours, palettes, inks and single bits; JPEG may be off by a little."""
    pixels = np.where(DARK < 128, 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels).convert("RGB").convert(mode)
    assert np.abs(read_picture(saved(tmp_path, image, name=name)).grey - pixels).max() < 20


def test_sixteen_bits_of_grey_are_scaled_and_not_cut_off(tmp_path: Path) -> None:
    """The darkest and the brightest of 65,536 levels are 0 and 255."""
    deep = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    grey = read_picture(saved(tmp_path, deep)).grey
    assert (grey.min(), round(grey.max()), round(grey.mean())) == (0, 255, 128)


@pytest.mark.parametrize(("drawn", "ground"), [(0, "white"), (255, "black")])
def test_what_is_transparent_gets_the_ground_that_it_shows_on(
    tmp_path: Path, drawn: int, ground: str
) -> None:
    """A white drawing on nothing is not lost on white."""
    pixels = np.full((20, 20, 4), drawn, np.uint8)
    pixels[..., 3] = 0
    pixels[5:15, 5:15, 3] = 255
    read = read_picture(saved(tmp_path, pixels))
    assert read.steps[-1] == f"put on {ground}, for it is transparent"
    assert sorted({int(grey) for grey in np.unique(read.grey.round())}) == [0, 255]


def test_a_picture_is_turned_as_its_camera_was_held(tmp_path: Path) -> None:
    """Orientation 6 is a quarter turn: wide becomes high."""
    exif = Image.Exif()
    exif[0x0112] = 6
    read = read_picture(saved(tmp_path, DARK[:20], name="a.jpg", exif=exif))
    assert (read.pixels.shape, read.steps[-1]) == ((30, 20, 3), "turned as its camera was held")


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
        "nothing to see": saved(folder, np.full((30, 30), 9, np.uint8), name="blank.png"),
        "it is animated": saved(
            folder, frames[0], name="film.png", save_all=True, append_images=frames[1:]
        ),
        "no PNG and no JPEG: ": saved(folder, name="a.gif"),
    }


def test_absurd_files_are_refused_with_the_reason(tmp_path: Path) -> None:
    """None of them is decoded further than it takes to tell."""
    for said, path in absurd(tmp_path).items():
        with pytest.raises(UserError) as refused:
            read_picture(path)
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
        read_picture(path)
    except UserError as error:
        assert "cannot be used" in str(error)
