"""The commands of ``python -m bench`` and ``fitting-room``: a module for each small family."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from fitting_room.errors import UserError, prepare_streams, signals_heard, unwritten
from fitting_room.format import in_terminal
from fitting_room.project import Project, current, from_here

COMMANDS = {
    "init": "write the files of a bench of your own",
    "data": "fetch, verify and describe the data sets",
    "calibrate": "train references, and suggest bounds",
    "exercises": "vary one setting at a time, and show what that changes",
    "show": "list stored records, or the epochs of a case",
    "predict": "show the class probabilities of one image",
    "inspect": "draw what a model sees, and what it confuses",
    "compare": "compare with a commit or with older results",
    "search": "compare candidates on a validation split",
    "claims": "judge published claims from the references",
    "speed": "time the training path against a plain fit",
    "gate": "measure how often the gate itself errs",
    "noise": "measure where the scatter between seeds comes from",
    "remove": "remove the records and bounds of a case that is gone",
    "rename": "give the records and bounds of a case its new name",
    "plots": "draw pictures of stored records",
    "report": "write stored records as one HTML page",
    "readme": "rewrite the tables of Markdown files",
}
"""Command → what it does, in the order in which they are used.

A command imports its own module alone, and ``--help`` none: they load NumPy, Rich and SciPy.
Its function there has its name, and ``ARGUMENTS`` its arguments.
"""

FAMILIES = {
    **dict.fromkeys(("exercises", "search"), "calibrate"),
    "inspect": "predict",
    "speed": "noise",
    **dict.fromkeys(("show", "claims", "remove", "rename"), "stored"),
    **dict.fromkeys(("plots", "report", "readme"), "pages"),
}
"""Command → the module of ``fitting_room.cli`` that has it, unless it has one of its own name."""

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def register(subparsers: Subparsers, name: str) -> argparse.ArgumentParser:
    """Import the module of a command, and add the command with the arguments that stand there.

    Its function there has its name. Of the arguments in ``ONE_OF`` a call may have one.
    """
    family = import_module(f"fitting_room.cli.{FAMILIES.get(name, name)}")
    parser = subparsers.add_parser(
        name,
        help=COMMANDS[name],
        epilog=getattr(family, "EPILOG", None),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=getattr(family, name))
    arguments: dict[str, dict[str, Any]] = family.ARGUMENTS[name]
    apart = [each for each in arguments if each in getattr(family, "ONE_OF", ())]
    one_of = parser.add_mutually_exclusive_group() if apart else parser
    for argument, settings in arguments.items():
        (one_of if argument in apart else parser).add_argument(argument, **settings)
    return parser


def commands_block(program: str) -> str:
    """Return every command with its arguments and options, as its own help has them."""
    parts = []
    for name, does in COMMANDS.items():
        parser = register(argparse.ArgumentParser(prog=program).add_subparsers(), name)
        parts.append(f"### `{program} {name}`\n\n{does[0].upper()}{does[1:]}.")
        parts.append(_table("argument", parser))
    return "\n\n".join(parts)


def options_block() -> str:
    """Return the options that a run adds to pytest's."""
    parser = argparse.ArgumentParser()
    for name, settings in import_module("fitting_room.plugin.options").OPTIONS.items():
        parser.add_argument(name, **settings)
    return _table("option", parser)


def _table(what: str, parser: argparse.ArgumentParser) -> str:
    formatter, rows = argparse.HelpFormatter(parser.prog, width=1000), []
    for action in parser._actions[1:]:  # the first is --help
        told = formatter._format_action_invocation(action), formatter._expand_help(action)
        called, meaning = (" ".join(each.split()).replace("|", r"\|") for each in told)
        rows.append(f"| `{called}` | {meaning} |")
    return "\n".join([f"| {what} | meaning |", "|---|---|", *rows])


def settle(asked: argparse.Namespace, project: Project) -> None:
    """Give a command its project, and the project's folders if the command line names none."""
    asked.project = project
    project.use()
    folders = {"results": project.results, "records": project.results / "reference"}
    for name, folder in folders.items():
        if getattr(asked, name, folder) is None:
            setattr(asked, name, from_here(folder))


def run(arguments: Sequence[str] | None, *folders: Path, program: str, suites: str) -> int:
    """Run one command; return 0 for success, 1 for a finding, 2 for a mistake of the user.

    Args:
        arguments: None for those of this process.
        folders: Where to look for a project; the first that lies in one gives it.
        program: The words typed before the command.
        suites: The command line of the run itself.
    """
    told = f"everything but the run itself, which is `{suites}`"
    parser = argparse.ArgumentParser(prog=program, description=told)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    given = sys.argv[1:] if arguments is None else arguments
    asked_for = next((each for each in given if not each.startswith("-")), "")
    if asked_for in COMMANDS:
        register(subparsers, asked_for)
    for command, does in COMMANDS.items():
        if command not in subparsers.choices:
            subparsers.add_parser(command, help=does)
    prepare_streams()
    asked = parser.parse_args(given)
    try:
        with signals_heard():
            if asked_for != "init":  # it makes the project
                settle(asked, current(*folders))
            status: int = asked.run(asked)
        sys.stdout.flush()
    except UserError as error:
        said = re.sub(rf"\bfitting-room (?={'|'.join(COMMANDS)})", f"{program} ", str(error))
        print(in_terminal(f"error: {said}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    if lost := unwritten():
        print(f"error: {lost}", file=sys.stderr)
        return 2
    return status
