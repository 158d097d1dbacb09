"""The bench of this project: suites that try every architecture on, and the engine below them.

===================  ====================================================================
``test_*.py``        the suites: one question each, asked of every case
``conftest.py``      what the accept tier leaves out
``tasks.py``         the data sets, their classes and their targets
``cases.py``         where models, tasks and the engine meet: architecture × task × recipe
``variants.py``      cases and checkouts made worse on purpose, to see that the gate notices
``exercises.py``     one thing about a case varied at a time, and what is asked of that
``peers.py``         plain loops that train what a case trains, to be timed beside it
``notebook.ipynb``   all of it from the data to the claims, cell by cell, on the sample
``data.toml``        what the data sets are known by
``bounds.toml``      what each case is held to, and why
``claims.toml``      what was published, and where
``fitting_room/``    the engine, which imports none of these
===================  ====================================================================

``[tool.fitting-room]`` in ``pyproject.toml`` tells the engine where they are.
"""
