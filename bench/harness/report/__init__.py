"""Records and verdicts in; tables for people, JSON and CSV for programs out.

==============  =====================================================================
``figures``     means, quartiles and medians, and how they are rounded
``trials``      which records count, and what must be said of them
``rows``        one ``Row`` per case: everything a table can say about it
``origin``      where, and with what, records were made
``cells``       how one figure of a row reads
``notes``       what must be said under a table: provenance, gaps, warnings
``markdown``    rows as GitHub-flavoured tables, ours beside the published ones
``files``       summary.md, summary.json and summary.csv
``progress``    what is told while trials run
``properties``  verdicts on their way from a test to the end of the run
``summary``     the end of a run: verdicts, rows, files
``screen``      how wide, in which colours, how much of it
``verdicts``    a headline, a line a case, what is not met, evidence of the rest
``prices``      what each bound costs and sees; ``choice`` of what sees most for a second
``terminal``    tables, published figures below ours, no wider than the terminal
``github``      annotations at the bounds, and the job summary
``junit``       verdicts where the schema of JUnit XML has room for them
``comparison``  two sides, and what became of each metric of each case
``exercises``   one thing varied at a time, and a sentence on what came of it
``readme``      blocks between markers, in any Markdown file
``mistakes``    which class is taken for which, and which images are hardest
``calibration`` whether a model is right as often as it is sure
``plots/``      pictures, by Matplotlib
``page/``       one HTML file with everything, for a browser
==============  =====================================================================
"""
