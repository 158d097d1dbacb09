"""``python -m bench …``: everything but the run itself, which is ``pytest bench/``."""

from __future__ import annotations

import argparse
import os
import sys

from bench.commands import calibrate, data, readme, search, show, speed
from bench.harness.errors import UserError

COMMANDS = (data, calibrate, show, search, speed, readme)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 is success, 1 a finding, 2 a mistake that can be mended."""
    told = "everything but the run itself, which is `pytest bench/`"
    parser = argparse.ArgumentParser(prog="python -m bench", description=told)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.register(subparsers)
    asked = parser.parse_args(arguments)
    try:
        status: int = asked.run(asked)
        sys.stdout.flush()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; what is left must not fail at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


if __name__ == "__main__":
    sys.exit(main())
