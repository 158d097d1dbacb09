"""Numbers in, verdict out: no keras, no files, no pytest.

SciPy loads its parts when they are first used, so its modules say ``import scipy``: most commands
need no statistics, and ``scipy.stats`` alone takes half a second.

==============  =====================================================================
``quality``     the one place that decides on accuracy, loss, counts and epochs
``sequential``  the test that adds seeds only while the answer is open
``price``       what a bound costs: false alarms, and the smallest loss it catches
``censored``    epochs to a target that some runs never reach
``paired``      two models on the same images, and over seeds
``timing``      seconds against seconds, or the reason why they cannot be compared
``claims``      what becomes of a published figure or statement
``interval``    where one more seed may fall, and how surely a mean is known
``changes``     a metric on two sides, by ``two_samples`` or by the sequential test; ``samples``
``arrivals``    epochs to a target on two sides
``change``      what became of it; ``race``: seconds of two sides in one session
``family``      the error of many decisions taken together
``simulate``    the sequential test over many made-up runs at once; ``scatter`` makes them up
``rates``       how often a case's bounds err over such runs; ``fixed``: of a gate of n seeds
``components``  how much of a scatter each of its sources is to blame for
``finding``     what the gate said of a crippled case
==============  =====================================================================
"""
