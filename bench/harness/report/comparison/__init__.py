"""Two sides compared: what each knows of its cases, and what became of them.

===============  ==============================================================
``side``         what a side knows of a case, as values
``of_records``   a side from records
``pairs``        which case of base is which of head
``verdicts``     quality, counts and seconds of every pair, judged as a family
``markdown``     the comparison for people
``as_json``      the comparison for programs
``reference``    head's records as the new reference, shown before they are kept
===============  ==============================================================
"""
