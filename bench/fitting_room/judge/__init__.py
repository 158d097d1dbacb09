"""Numbers in, verdict out: no keras, no files, no pytest.

SciPy loads its parts when they are first used, so its modules say ``import scipy``: most commands
need no statistics, and ``scipy.stats`` alone takes half a second.

==============  =====================================================================
``quality``     the rule of *within this bound*: accuracy, loss, counts, epochs, curves
``change``      the rule of *same as that base*, for every metric but seconds
``timing``      the same for seconds, or the reason why they cannot be compared
``published``   the rule of *as published*, for figures and statements
``verdict``     what all of them answer with, and the bound that a metric must satisfy
``sequential``  the test that adds seeds only while the answer is open
``price``       the bound that a reference suggests, and what a bound costs
``interval``    intervals of a new seed, of means, of two models, of sources of scatter
``censored``    epochs to a target that some runs never reach
``simulation``  error rates of bounds, measured on many simulated runs at once
==============  =====================================================================
"""
