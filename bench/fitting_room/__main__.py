"""``python -m fitting_room …`` and ``fitting-room …``, for a project of one's own."""

from __future__ import annotations

import sys
from pathlib import Path

from fitting_room.cli import run


def main() -> int:
    """Run one command on the project of the working directory."""
    return run(None, Path.cwd(), program="fitting-room", suites="pytest")


if __name__ == "__main__":
    sys.exit(main())
