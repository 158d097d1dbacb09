"""Records in, estimates and verdicts out: rows of tables, comparison, audit of claims."""
