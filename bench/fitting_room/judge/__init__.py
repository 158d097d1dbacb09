"""Numbers in, verdict out: no keras, no files, no pytest.

SciPy loads its parts when they are first used, so its modules say ``import scipy``: most commands
need no statistics, and ``scipy.stats`` alone takes half a second.

==============  ============================================================================
``quality``     the rule of *within this bound*, and the bound that a reference suggests
``change``      the rule of *same as that base*, for every metric but seconds
``timing``      the same for seconds, or the reason why they cannot be compared
``verdict``     what all of them answer with, the bound that a metric must satisfy, and the rule
                of *as published*, for figures and statements
``sequential``  the test that adds seeds only while the answer is open, and its price
``interval``    of a new seed, of means, of sources of scatter, of epochs to a target
``simulation``  error rates of bounds, measured on many simulated runs at once
==============  ============================================================================
"""
