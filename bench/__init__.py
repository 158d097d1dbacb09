"""The bench: suites that try every architecture on, and the harness they rest on.

=========================  ====================================================================
``test_*.py``              the suites: one question each, asked of every case
``conftest.py``            what the accept tier leaves out
``cases.py``               where players and referee meet: architecture × task × recipe
``variants.py``            cases crippled on purpose, to see that the gate notices
``exercises.py``           one thing about a case varied at a time, and what is asked of that
``committed.py``           what lies under ``results/``, and which of it claims rest on
``notebook.ipynb``         all of it from the data to the claims, cell by cell, on the sample
``bounds.toml``            what each case is held to, and why
``claims.toml``            what was published, and where
``handicaps.py``           what is done to a race of two checkouts, to see who is called slower
``commands/``              ``python -m bench …``, one file a command
``harness/spec.py``        task, case, trial: what is asked for
``harness/record.py``      what a trial measured
``harness/assignment.py``  a trial as it is handed to a child, and what that says back
``harness/arguments.py``   numbers on a command line
``harness/durations.py``   durations as a person says them
``harness/machine.py``     what this machine is
``harness/metrics.py``     the figures of a record that can be judged
``harness/disturbed.py``   which trials and epochs other work on the machine slowed down
``harness/data/``          where the bytes come from, and what they must look like
``harness/trial/``         the child process: one spec in, one record out
``harness/store/``         records, bounds and claims on disk; keys and digests
``harness/judge/``         numbers in, verdict out
``harness/lab/``           plans trials, hands them to an executor, stops when the verdict is in
``harness/report/``        records and verdicts in; tables, files, progress out
``harness/plugin*.py``     pytest's side: options, fixtures, header, summary
=========================  ====================================================================

Arrows run one way: plugin → lab → trial, store, judge; report → store, judge; trial → data.
"""
