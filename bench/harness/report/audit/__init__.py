"""The audit of published claims: each one judged from records, with the reason.

================  ===================================================================
``auditing``      every claim of a file
``evidence``      what the records have to say, as numbers
``costs``         what cases cost beside each other, and whether that compares
``on_figure``     figures judged
``on_statement``  statements judged: what each kind measures
``on_words``      which function judges a statement; statements about epochs
``on_means``      statements about means of cases
``on_costs``      statements about what cases cost
``making``        from a claim and a verdict to a finding
``finding``       what comes out
``table``         findings as Markdown and as JSON
``terminal``      findings on a terminal
``words``         how figures read
================  ===================================================================
"""
