"""Continuous integration: its workflow, when its jobs run, and what they keep of it."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from imports import ROOT

from fitting_room.cli import register

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


def workflow() -> dict[Any, Any]:
    """Return the workflow; to YAML, the key ``on`` is the truth value True."""
    found: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return found


def run_ci(folder: Path, readme: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of ``.ci/run`` beside a README, its last part only told."""
    shutil.copytree(ROOT / ".ci", folder / ".ci")
    (folder / ".ci" / "own-bench").write_text("echo own bench\n", encoding="utf-8")
    (folder / "README.md").write_text(readme, encoding="utf-8")
    browser = folder / "bin" / "chromium"  # there, so that nothing is installed by a test
    browser.parent.mkdir()
    browser.write_text("#!/bin/sh\n", encoding="utf-8")
    browser.chmod(0o755)
    paths = os.pathsep.join((str(browser.parent), os.environ["PATH"]))
    command = ["bash", str(folder / ".ci" / "run")]
    environment = os.environ | {"PATH": paths} | settings
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_workflow_is_valid(tmp_path: Path) -> None:
    """It satisfies the schema that GitHub's editors use, which is here, without any network.

    That is no formality: a job that does not say where it runs is refused.
    """
    found = workflow()
    del found["jobs"]["bench"]["runs-on"]
    spoiled = tmp_path / "spoiled.yml"
    spoiled.write_text(yaml.safe_dump(found), encoding="utf-8")
    schema = ["--builtin-schema", "vendor.github-workflows"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(WORKFLOW), str(spoiled)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "jobs" in done.stdout) == (1, True)
    assert set(re.findall(r"^ *(\S+\.yml)::", done.stdout, re.MULTILINE)) == {str(spoiled)}


def jobs() -> dict[str, Any]:
    """Return the jobs of the workflow, by name."""
    found: dict[str, Any] = workflow()["jobs"]
    return found


def checkouts() -> dict[str, Any]:
    """Return with what each job checks the project out."""
    return {
        name: step["with"]
        for name, job in jobs().items()
        for step in job["steps"]
        if "checkout@" in step.get("uses", "")
    }


def commands(job: str) -> list[str]:
    """Return the commands of a job."""
    return [step["run"] for step in jobs()[job]["steps"] if "run" in step]


def test_workflow_runs_what_everybody_can_run() -> None:
    """The only command of the main job is ``.ci/run``, which needs no GitHub."""
    assert commands("bench") == ["bash .ci/run"]


def test_every_command_is_a_script_that_is_there() -> None:
    """No job has shell of its own, which nobody could try out at home."""
    called = [line.split()[:2] for job in jobs() for line in commands(job)]
    assert {tuple(words) for words in called} == {
        ("bash", f".ci/{name}") for name in ("run", "compare", "comment", "references")
    }
    assert all((ROOT / script).is_file() for _, script in called)


def test_only_the_job_that_comments_may_write() -> None:
    """Code of a pull request never runs with a token that can do harm, and no secret is used."""
    allowed = {name: job.get("permissions") for name, job in jobs().items()}
    writers = {name for name, found in allowed.items() if found and "write" in found.values()}
    assert writers == {"comment"}
    assert workflow()["permissions"] == {"contents": "read"}
    assert "secrets." not in WORKFLOW.read_text("utf-8")
    kept = {name: told["persist-credentials"] for name, told in checkouts().items()}
    assert kept == dict.fromkeys(jobs(), False)


def test_the_job_that_may_write_runs_nothing_of_the_pull_request() -> None:
    """Its script is the one that was merged already; every other job tries what is proposed."""
    refs = {name: told["ref"] for name, told in checkouts().items() if "ref" in told}
    assert refs == {"comment": "${{ github.event.pull_request.base.sha }}"}


def test_what_a_pull_request_made_is_unpacked_away_from_the_script() -> None:
    """It cannot replace the script that is run with a token that may write."""
    steps = jobs()["comment"]["steps"]
    (step,) = [each for each in steps if "download-artifact" in each.get("uses", "")]
    assert step["with"]["path"] == "${{ runner.temp }}/comparison"


def test_actions_are_pinned_by_commit() -> None:
    """A tag can be moved to other code; what it was is said beside the commit."""
    lines = [line for line in WORKFLOW.read_text("utf-8").splitlines() if "uses:" in line]
    assert len(lines) > 10
    pinned = re.compile(r"uses: actions/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
    assert [line for line in lines if not pinned.search(line)] == []


def test_no_input_becomes_a_command() -> None:
    """What a person types or a branch is called reaches a script as a quoted variable alone."""
    bare = [re.sub(r'"[^"{]*"', "", line) for job in jobs() for line in commands(job)]
    assert [line for line in bare if "$" in line] == []


def test_references_are_made_on_demand_alone() -> None:
    """Neither a push nor a pull request trains them, and what comes of it is an artifact."""
    job = jobs()["references"]
    assert "workflow_dispatch" in job["if"]
    assert "inputs.references" in job["if"]
    assert job["steps"][-1]["with"]["path"] == "references.patch"


@pytest.mark.parametrize("script", sorted((ROOT / ".ci").iterdir()), ids=lambda path: path.name)
def test_scripts_are_bash(script: Path) -> None:
    """Each can be read to its end."""
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_named_commands_and_options_exist() -> None:
    """What scripts, workflow and README call is a command, with options that it has."""
    texts = [*(ROOT / ".ci").iterdir(), WORKFLOW, ROOT / "README.md"]
    called = [
        (each[1], set(re.findall(r"--[a-z][\w-]*", each[2])))
        for path in texts
        for each in re.finditer(
            r'(?:python|"\$python") -m bench ([\w-]+)((?:\\\n|[^\n`|])*)', path.read_text("utf-8")
        )
    ]
    assert {name for name, _ in called} >= {"compare", "calibrate", "readme", "show"}
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    for name in {name for name, _ in called}:
        register(subparsers, name)
    for name, options in called:
        assert options - set(subparsers.choices[name]._option_string_actions) == set(), name


def test_ci_runs_the_commands_of_the_readme(tmp_path: Path) -> None:
    """``.ci/run`` runs the printed test command, then the main job in its two short forms."""
    done = run_ci(tmp_path, README.format(test="echo the tests"))
    printed = [line for line in done.stdout.splitlines() if line and not line.startswith("===")]
    assert printed == [
        "the tests",
        "bench -- --tier smoke",
        "bench -- -k dense_128 and not exercise",
        "own bench",
    ]
    assert (done.returncode, done.stderr) == (0, "")


def test_pull_request_runs_the_first_epochs_of_every_case(tmp_path: Path) -> None:
    """The workflow asks for the quick tier there, and ``.ci/run`` then runs all of it."""
    (asked,) = [step["env"] for step in jobs()["bench"]["steps"] if "run" in step]
    assert "'pull_request' && 'quick' || 'accept'" in asked["BENCH_TIER"]
    done = run_ci(tmp_path, README.format(test="echo the tests"), BENCH_TIER="quick")
    assert "bench -- --tier quick -k not exercise and not gate" in done.stdout.splitlines()
    assert "dense_128" not in done.stdout


def test_ci_runs_every_part_and_fails_if_one_failed(tmp_path: Path) -> None:
    """A failing part stops no later one, and is not forgotten at the end."""
    done = run_ci(tmp_path, README.format(test="false && echo never"))
    assert "bench -- -k dense_128 and not exercise" in done.stdout.splitlines()
    assert (done.returncode, "1 of 4 parts failed" in done.stdout) == (1, True)


def test_ci_says_which_command_the_readme_lacks(tmp_path: Path) -> None:
    """A README without the marked block fails at once, and says which marker is missing."""
    done = run_ci(tmp_path, "nothing")
    expected = "README.md has no command marked 'test'\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)


TRAINING = ("bench", "compare", "references")
"""Jobs that train, and keep the trials."""

HASHED = re.compile(r"hashFiles\((.*?)\)")


def steps(job: str) -> dict[str, dict[str, Any]]:
    """Return what a training job restores, runs and saves, in its order."""
    kinds = {"actions/cache/restore": "restore", "actions/cache/save": "save"}
    found = [
        (kinds.get(step.get("uses", "").partition("@")[0], "run" if "run" in step else ""), step)
        for step in jobs()[job]["steps"]
    ]
    return {kind: step for kind, step in found if kind}


def test_a_pull_request_is_run_once() -> None:
    """A push to its branch is none of the main branch, and starts no second run."""
    assert workflow()[True]["push"] == {"branches": ["main"]}
    assert "pull_request" in workflow()[True]


def test_references_of_one_case_do_not_end_those_of_another() -> None:
    """A newer push ends the older run; a run that trains references is ended by none."""
    concurrency = workflow()["concurrency"]
    assert concurrency["cancel-in-progress"] == "${{ !inputs.references }}"
    assert "${{ inputs.cases }}" in concurrency["group"]


def test_comment_is_made_where_there_is_a_report() -> None:
    """A comparison that was cancelled or skipped has none, and no comment job fails of that."""
    condition = jobs()["comment"]["if"]
    found = re.search(r"contains\(fromJSON\('(.*)'\), needs\.compare\.result\)", condition)
    assert found, condition
    assert json.loads(found[1]) == ["success", "failure"]


@pytest.mark.parametrize("job", TRAINING)
def test_trials_are_saved_under_the_key_that_was_looked_for(job: str) -> None:
    """What the run leaves behind cannot change it, and each attempt has a key of its own."""
    found = steps(job)
    assert list(found) == ["restore", "run", "save"]
    restore, save = found["restore"], found["save"]
    assert save["with"] == {
        "path": restore["with"]["path"],
        "key": f"${{{{ steps.{restore['id']}.outputs.cache-primary-key }}}}",
    }
    key, earlier = restore["with"]["key"], restore["with"]["restore-keys"].splitlines()
    assert key.endswith("-${{ github.run_id }}-${{ github.run_attempt }}")
    assert [key.startswith(each) for each in earlier] == [True] * len(earlier)


def test_no_other_job_caches_trials() -> None:
    """The table above is whole."""
    users = {name for name, job in jobs().items() if "actions/cache/" in json.dumps(job)}
    assert users == set(TRAINING)


@pytest.mark.parametrize("job", TRAINING)
def test_keys_are_of_sources_alone(tmp_path: Path, job: str) -> None:
    """Compiled files, which every run leaves, are in none; each source is, however deep."""
    sources = ["bench/a.py", "bench/fitting_room/store/b.py", "models/c.py", "constraints.txt"]
    for name in [*sources, "bench/__pycache__/a.cpython-311.pyc", "results/trials/d.json"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    restore = steps(job)["restore"]["with"]
    told = HASHED.findall(restore["key"] + restore["restore-keys"])
    assert len(set(told)) == 1
    patterns = re.findall(r"'(.*?)'", told[0])
    matched = {path for pattern in patterns for path in tmp_path.glob(pattern) if path.is_file()}
    assert {path.relative_to(tmp_path).as_posix() for path in matched} == set(sources)


@pytest.mark.parametrize("job", ["compare", "references"])
def test_hours_of_training_are_kept_where_time_runs_out(job: str) -> None:
    """The step is out of time before its job is, and trials are saved whatever came of it."""
    found = steps(job)
    assert found["run"]["timeout-minutes"] < jobs()[job]["timeout-minutes"]
    assert found["save"]["if"] == "${{ always() }}"
