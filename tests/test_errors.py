"""Errors that a user can mend."""

from __future__ import annotations

import pytest

from bench.harness.errors import UserError, nearest

KNOWN = ["dense_128", "cnn_64"]


@pytest.mark.parametrize("wrong", ["cnn64", "cnn_46", "cn_64"])
def test_nearest_name_is_suggested(wrong: str) -> None:
    """A slip is met with the name that was meant, and with all there are."""
    assert nearest(wrong, KNOWN) == "Did you mean 'cnn_64'? Known: dense_128, cnn_64."


def test_far_name_is_met_with_all_there_are() -> None:
    """Nothing is suggested where nothing is near."""
    assert nearest("transformer", iter(KNOWN)) == "Known: dense_128, cnn_64."


def test_error_says_its_message_and_no_more() -> None:
    """What a user reads is the message itself."""
    assert str(UserError("No data. Use --data-dir.")) == "No data. Use --data-dir."
