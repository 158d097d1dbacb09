"""Commands as ``main`` calls them, but for this project and with their errors let through."""

from __future__ import annotations

import argparse

from records import PROJECT

from fitting_room.cli import register, settle


def call(*arguments: object) -> int:
    """Parse and run a command; return its exit status."""
    name, *_ = told = [str(each) for each in arguments]
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers(), name)
    asked = parser.parse_args(told)
    settle(asked, PROJECT)
    return int(asked.run(asked))
