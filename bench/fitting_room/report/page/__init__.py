"""One HTML file that needs no network: tables to sort, each row with all that is known behind it.

==============  =====================================================================
``columns``     what the tables show, and what they are sorted by
``drawn``       the plots of a case, by Matplotlib
``images``      test images that a case gets wrong
``facts``       settings and provenance of a case, in words
``writing``     the page itself, from ``report.html``, ``report.css`` and ``report.js``
==============  =====================================================================

Matplotlib is loaded only where a plot is new: others are taken from the page that is replaced.
"""
