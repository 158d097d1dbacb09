"""Numbers in, verdict out: no keras, no files, no pytest.

SciPy loads its parts when they are first used, so its modules say ``import scipy``: most commands
need no statistics, and ``scipy.stats`` alone takes half a second.

==============  =====================================================================
``verdict``     the decision on a metric; ``bound``: the condition it must meet
``quality``     the one place that decides on accuracy, loss, counts and epochs
``sequential``  the test that adds seeds only while the answer is open; ``plan``
``price``       the cost of a bound: false alarms, and the smallest loss it catches
``censored``    epochs to a target that some runs never reach
``interval``    intervals of a new seed, of means and of two models compared
``timing``      seconds against seconds, or the reason why they cannot be compared
``claims``      verdicts on published figures and statements
``changes``     a metric on two sides, ``samples``; ``change``: the answer
``family``      the error of many decisions taken together
``simulate``    the sequential test over many simulated runs at once
``rates``       error rates of a case's bounds over such runs
``components``  components of variance
``finding``     the gate's answer to a crippled case
==============  =====================================================================
"""
