"""``python -m bench …``: everything but the run itself, which is ``pytest bench/``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# The engine of this checkout, whatever is installed: commands of a copy run the copy's code.
sys.path.insert(0, str(Path(__file__).parent))

from fitting_room.cli import COMMANDS, load, settle
from fitting_room.errors import UserError
from fitting_room.format import in_terminal
from fitting_room.project import current
from fitting_room.surroundings import prepare_streams, signals_heard, unwritten


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 is success, 1 a finding, 2 a mistake that can be mended."""
    told = "everything but the run itself, which is `pytest bench/`"
    parser = argparse.ArgumentParser(prog="python -m bench", description=told)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    given = sys.argv[1:] if arguments is None else arguments
    asked_for = next((each for each in given if not each.startswith("-")), "")
    for command, does in COMMANDS.items():
        if command == asked_for:
            load(command).register(subparsers)
        else:
            subparsers.add_parser(command, help=does)
    prepare_streams()
    asked = parser.parse_args(given)
    try:
        with signals_heard():
            settle(asked, current(Path.cwd(), Path(__file__).parent))
            status: int = asked.run(asked)
        sys.stdout.flush()
    except UserError as error:
        print(in_terminal(f"error: {error}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    if lost := unwritten():
        print(f"error: {lost}", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
