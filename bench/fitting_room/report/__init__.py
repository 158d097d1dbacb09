"""Verdicts and records in; tables, pages, plots and progress out. It decides nothing."""
