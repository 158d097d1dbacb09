"""Records and verdicts in; tables for people, JSON and CSV for programs out.

==============  =====================================================================
``figures``     means, quartiles and medians, and how they are rounded
``trials``      which records count, and what must be said of them
``rows``        one ``Row`` per case: everything a table can say about it
``cells``       how one figure of a row reads
``notes``       what must be said under a table: provenance, gaps, warnings
``markdown``    rows as GitHub-flavoured tables, ours beside the published ones
``files``       summary.md, summary.json and summary.csv
``progress``    what is told while trials run
``comparison``  two sides, and what became of each metric of each case
``readme``      blocks between markers, in any Markdown file
``mistakes``    which class is taken for which, and which images are hardest
``disturbed``   which epochs a neighbour on the machine slowed down
``plots/``      pictures, by Matplotlib
``page/``       one HTML file with everything, for a browser
==============  =====================================================================
"""
