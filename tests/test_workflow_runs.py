"""Continuous integration: when its jobs run, and what they keep of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_workflow import WORKFLOW, jobs

TRAINING = ("bench", "compare", "references")
"""Jobs that train, and keep the trials."""

HASHED = re.compile(r"hashFiles\((.*?)\)")


def workflow() -> dict[Any, Any]:
    """Return the workflow; to YAML, the key ``on`` is the truth value True."""
    found: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return found


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
