"""Continuous integration: its workflow is valid, and runs what the README prints."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from imports import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "bench.yml"
README = """
<!-- command: bench -->
```bash
echo bench
```

Some words.

<!-- command: test -->

```bash
{test}
```
"""


def validate(workflow: Path) -> subprocess.CompletedProcess[str]:
    """Hold a workflow against the schema that GitHub's editors use, without any network."""
    schema = ["--builtin-schema", "vendor.github-workflows"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(workflow)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run_ci(folder: Path, *, test: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of ``.ci/run`` beside a README whose test command is ``test``."""
    shutil.copytree(ROOT / ".ci", folder / ".ci")
    (folder / "README.md").write_text(README.format(test=test), encoding="utf-8")
    command = ["bash", str(folder / ".ci" / "run")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_workflow_is_valid() -> None:
    """The workflow satisfies the published schema of GitHub workflows."""
    checked = validate(WORKFLOW)
    assert checked.returncode == 0, checked.stdout


def test_schema_refuses_a_job_without_a_machine(tmp_path: Path) -> None:
    """The schema check is no formality: a job that does not say where it runs is refused."""
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    del workflow["jobs"]["bench"]["runs-on"]
    spoiled = tmp_path / "spoiled.yml"
    spoiled.write_text(yaml.safe_dump(workflow), encoding="utf-8")
    checked = validate(spoiled)
    assert (checked.returncode, "jobs" in checked.stdout) == (1, True)


def test_workflow_runs_what_everybody_can_run() -> None:
    """The only command of the workflow is ``.ci/run``, which needs no GitHub."""
    steps = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["bench"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == ["bash .ci/run"]


def test_ci_runs_the_commands_of_the_readme(tmp_path: Path) -> None:
    """``.ci/run`` runs the printed test command, then the main job in its two short forms."""
    done = run_ci(tmp_path, test="echo the tests")
    printed = [line for line in done.stdout.splitlines() if line and not line.startswith("===")]
    assert printed == ["the tests", "bench -- --tier smoke", "bench -- -k dense_128"]
    assert (done.returncode, done.stderr) == (0, "")


def test_ci_runs_every_part_and_fails_if_one_failed(tmp_path: Path) -> None:
    """A failing part stops no later one, and is not forgotten at the end."""
    done = run_ci(tmp_path, test="false && echo never")
    assert "bench -- -k dense_128" in done.stdout.splitlines()
    assert (done.returncode, "1 of 3 parts failed" in done.stdout) == (1, True)


def test_ci_says_which_command_the_readme_lacks(tmp_path: Path) -> None:
    """A README without the marked block fails at once, and says which marker is missing."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "README.md").write_text("nothing", encoding="utf-8")
    command = ["bash", str(tmp_path / ".ci" / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expected = "README.md has no command marked 'test'\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)
