"""Exercises: what becomes of a case when one thing about it is varied.

==============  =====================================================================
``values``      an exercise: its question, its points, and what its answer compares
``contrasts``   the answer where points are compared with each other
``duration``    the answer where epochs of one run are
``stopping``    the answer where runs stop early
``words``       how a difference reads: with its uncertainty, or that nothing is decided
``tables``      what the answers rest on, point by point
``blocks``      answers and tables as blocks of a Markdown file
==============  =====================================================================

Answers are pure functions of records. Intervals are over seeds, at 95 %. Those that are read
together hold together (Bonferroni), and what that is differs: see ``blocks.LEGENDS``, which stands
below each table. So one difference may have a wider interval in a column than in a sentence.
"""
