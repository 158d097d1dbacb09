"""One HTML file that needs no network: tables to sort, each row with all that is known behind it.

==============  =====================================================================
``columns``     what the tables show, and what they are sorted by
``charts``      lines and dots as SVG that takes its colours from the page
``graphs``      the charts of a case
``images``      test images that a case gets wrong
``facts``       settings and provenance of a case, in words
``writing``     the page itself, from ``report.html``, ``report.css`` and ``report.js``
==============  =====================================================================

Matplotlib would take longer to load and to draw than a run of the bench where all is stored.
"""
