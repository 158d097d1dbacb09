"""Exercises: what becomes of a case when one thing about it is varied.

==========  ================================================================
``values``  an exercise: its question, its points, and what they are compared with
``tables``  its table: every line, and how it differs from its base
``blocks``  its conclusion, table and notes as blocks of a Markdown file
==========  ================================================================

All are pure functions of records. Intervals are over seeds, at 95 %; those of one table hold
together (Bonferroni), and the conclusion reads off that column.
"""
