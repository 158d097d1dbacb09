"""Errors that a user can mend."""

from __future__ import annotations

import pytest

from fitting_room.errors import nearest

KNOWN = ["dense_128", "cnn_64"]


@pytest.mark.parametrize("wrong", ["cnn64", "cnn_46", "cn_64"])
def test_nearest_name_is_suggested(wrong: str) -> None:
    """A slip is met with the name that was meant, and with all there are."""
    assert nearest(wrong, KNOWN) == "Did you mean 'cnn_64'? Known: dense_128, cnn_64."


@pytest.mark.parametrize("part", ["cnn_64", "cnn64"])
def test_part_of_a_name_stands_for_the_names_that_have_it(part: str) -> None:
    """Who leaves the task out means the cases of that architecture."""
    known = ["fashion_mnist-cnn_64", "mnist-cnn_64", "mnist-dense_128"]
    wanted = "Did you mean 'fashion_mnist-cnn_64' or 'mnist-cnn_64'? "
    assert nearest(part, known).startswith(wanted)


def test_part_that_many_names_have_suggests_none() -> None:
    """Of more than three nobody would know which."""
    assert nearest("a", [f"a-{n}" for n in range(4)]).startswith("Known: ")


def test_far_name_is_met_with_all_there_are() -> None:
    """Nothing is suggested where nothing is near."""
    assert nearest("transformer", iter(KNOWN)) == "Known: dense_128, cnn_64."
