"""The audit as a table and as JSON, the command that prints it, and the suite that holds it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from audit_world import CNN, DENSE, SOURCE, figure, further, judged, seeds, statement, written
from commands import printed
from records import stored

from conftest import Bench
from fitting_room.analysis import audit
from fitting_room.report.findings import claims_markdown, claims_shown, tally
from fitting_room.report.progress import Screen

OVER = f'cases = ["{CNN}"]\nover = "{DENSE}"\nlow = 0'
WORDS = statement("difference", "test_accuracy", OVER)
WORSE = statement("difference", "test_accuracy", f'cases = ["{DENSE}"]\nover = "{CNN}"\nlow = 0')
TWICE = figure("87.2%", 0.872) + further("about 82%", 0.82)
BOTH = figure("87.2%", 0.872) + figure("90%", 0.9).replace(DENSE, CNN)


def claims(*arguments: str | Path, status: int = 0) -> str:
    """Run ``claims``, check how it ends, and return what it prints."""
    return printed("claims", *arguments, status=status).out


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A claims file of somebody's own, with two references beside it."""
    stored(tmp_path / "reference", seeds(DENSE, 0.872))
    return written(tmp_path, figure("82%", 0.82) + WORDS)


def test_a_file_without_claims_is_told(tmp_path: Path) -> None:
    """It is no mistake, and no table either."""
    path = tmp_path / "claims.toml"
    path.write_text("[sources]\n", encoding="utf-8")
    assert claims(path, "--results", tmp_path) == f"{path} holds no claims.\n"
    assert tally([]) == "0 claims"


def test_each_claim_is_a_row_under_a_count_of_verdicts(tmp_path: Path) -> None:
    """Figures and statements are folded tables, with rule, place and time below."""
    records = seeds(DENSE, 0.872)
    found = judged(tmp_path, figure("82%", 0.82) + WORDS, *records)
    text = claims_markdown(found, records, stale={}).replace("\N{NO-BREAK SPACE}", " ")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    assert text.startswith("**2 claims: 1 exceeded, 1 undecided.**")
    assert text.index("Fashion MNIST, by architecture:") < text.index("Statements:")
    assert [[cell.strip() for cell in row] for row in rows if "claim" not in row[0]] == [
        ["dense_128: test accuracy", "82%", "87.20 ± 0.14 % (6)", "exceeded"],
        ["it", "in words", "no reference yet", "undecided"],
    ]
    assert "- Measured: Example CPU (avx2), 2 cores" in text
    assert "n = 6" in text


def test_what_does_not_hold_says_why_in_a_footnote_that_others_share(tmp_path: Path) -> None:
    """Two figures for one reason, a count for another; what holds has none."""
    loss, count = ("0.2", 0.2, "test_loss"), ("9", 9, "parameters")
    claims = figure("91%", 0.91) + figure(*loss) + figure(*count)
    found = judged(tmp_path, claims + WORDS, *seeds(DENSE, 0.872), *seeds(CNN, 0.9))
    text = claims_markdown(found, [], stale={})
    verdicts = [line.rsplit("|", 2)[1].strip() for line in text.splitlines() if line[:2] == "| "]
    assert [verdict for verdict in verdicts if verdict != "verdict"] == [
        "not reproduced [1]",
        "not reproduced [1]",
        "not reproduced [2]",
        "reproduced",
    ]
    assert "- [1] One more seed of ours does not fall there.\n- [2] It was counted" in text
    assert "a new seed falls within" not in text


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        (figure("9", 9, "parameters", 'described = "Dense"'), "The layers it describes have"),
        (figure("89%", 0.89, more='watches = "training_accuracy"'), "A training accuracy"),
        (TWICE, "Another figure of the same source excludes it."),
        (BOTH + WORSE, "Figures of the same source say otherwise."),
        (WORSE, "The 95 % interval lies outside what it says."),
    ],
)
def test_every_fault_has_a_reason_of_its_own(tmp_path: Path, claims: str, why: str) -> None:
    """It is that of the last claim of each file."""
    found = judged(tmp_path, claims, *seeds(DENSE, 0.872), *seeds(CNN, 0.9))
    assert found[-1].short.startswith(why)
    assert f"- [1] {why}" in claims_markdown(found, [], stale={})


def test_a_stale_figure_says_so_in_its_cell(tmp_path: Path) -> None:
    """And below the table why."""
    records = seeds(DENSE, 0.872)
    found = judged(tmp_path, figure("82%", 0.82), *records)
    text = claims_markdown(found, records, stale={DENSE: "its recipe changed since"})
    assert "(6) (stale)" in text
    assert f"- {DENSE} is stale: its recipe changed since." in text


def test_a_mislabelled_figure_is_told_above_the_table(tmp_path: Path) -> None:
    """Plainly: published as one metric, and another."""
    records = seeds(DENSE, 0.872)
    claim = figure("89%", 0.89, more='watches = "training_accuracy"')
    text = claims_markdown(judged(tmp_path, claim, *records), records, stale={})
    wanted = "Published as test accuracy, but a training accuracy: Fashion MNIST, dense_128"
    assert wanted in text.splitlines()[0]


def test_the_command_prints_every_claim(own: Path) -> None:
    """The table ends with the count."""
    out = claims(own, "--results", own.parent)
    assert out.rstrip().endswith("2 claims: 1 exceeded, 1 undecided.")
    assert "a new seed falls within 86.81–87.59 %" in out


def test_a_terminal_gets_paragraphs(tmp_path: Path) -> None:
    """No word of a verdict is broken, and no line is wider than the terminal."""
    found = judged(tmp_path, figure("82%", 0.82) + WORDS, *seeds(DENSE, 0.872))
    lines = claims_shown(found, Screen(width=80), stale={}).splitlines()
    assert lines[0].startswith("exceeded: Fashion MNIST")
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("undecided: ") for line in lines)


def test_json_has_numbers_and_reasons(own: Path) -> None:
    """Accuracies are fractions."""
    found = json.loads(claims(own, "--json", "--results", own.parent))
    assert found["verdicts"] == {"exceeded": 1, "undecided": 1}
    assert found["claims"][0]["interval"]["estimate"] == pytest.approx(0.872)
    assert found["claims"][1]["because"] == "no reference records yet of cnn_64"


def test_an_unexpected_verdict_is_a_finding(own: Path) -> None:
    """Status 1, and a line that names it."""
    text = own.read_text("utf-8").replace(SOURCE, f'{SOURCE}\nexpected = "reproduced"', 1)
    own.write_text(text, encoding="utf-8")
    told = f"{DENSE}.test_accuracy: exceeded, where reproduced is expected."
    assert told in claims(own, "--results", own.parent, status=1)


def held(run: Bench, folder: Path, more: str = "") -> pytest.RunResult:
    """Run the suite on one claim that anybody can count: 128 × 785 + 10 × 129 parameters."""
    path = written(folder, figure("101,770", 101_770, "parameters", more))
    return run("-k", "claims", results=folder, claims=path)


def test_an_expected_verdict_passes_and_is_counted(run: Bench, tmp_path: Path) -> None:
    """The tally is told where nothing else is: no trial is needed, no table is made."""
    done = held(run, tmp_path, 'expected = "reproduced"')
    done.assert_outcomes(passed=2, deselected=done.parseoutcomes()["deselected"])
    assert "1 claims: 1 reproduced." in done.outlines
    assert not (tmp_path / "latest").exists()


def test_a_settled_verdict_that_nobody_expects_fails(run: Bench, tmp_path: Path) -> None:
    """The failure is the line to add."""
    done = held(run, tmp_path)
    done.assert_outcomes(passed=1, failed=1, deselected=done.parseoutcomes()["deselected"])
    done.stdout.fnmatch_lines([f'*{DENSE}.parameters: expected = "reproduced"*'])


@pytest.mark.parametrize(("stale", "outcome"), [({}, "failed"), ({DENSE: "it changed"}, "skipped")])
def test_another_verdict_than_expected_fails_unless_the_code_is_another(
    run: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stale: dict[str, str], outcome: str
) -> None:
    """What older code measured is no news of this one's."""
    monkeypatch.setattr(audit, "why_stale", lambda *_, **__: stale)
    done = held(run, tmp_path, 'expected = "exceeded"')
    counts = done.parseoutcomes()
    assert (counts["passed"], counts[outcome]) == (1, 1)
