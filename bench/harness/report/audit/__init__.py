"""The audit of published claims: each one judged from records, with the reason.

================  ===================================================================
``evidence``      what the records have to say, as numbers
``on_figure``     figures judged
``on_statement``  statements judged: what each kind measures
``on_words``      statements judged: verdict and sentence
``finding``       what comes out
``table``         findings as Markdown, for a terminal and as JSON
``words``         how figures read
================  ===================================================================
"""
