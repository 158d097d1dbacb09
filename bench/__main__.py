"""``python -m bench …``: everything but the run itself, which is ``pytest bench/``."""

from __future__ import annotations

import sys
from pathlib import Path

# The engine of this checkout, whatever is installed: commands of a copy run the copy's code.
sys.path.insert(0, str(Path(__file__).parent))

from fitting_room.cli import run


def main(arguments: list[str] | None = None) -> int:
    """Run one command on the project of the working directory, else on this one."""
    folders = (Path.cwd(), Path(__file__).parent)
    return run(arguments, *folders, program="python -m bench", suites="pytest bench/")


if __name__ == "__main__":
    sys.exit(main())
