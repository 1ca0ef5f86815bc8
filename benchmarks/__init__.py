"""How fast zmqbridge is, beside its peers in the same run: ``python -m benchmarks``; ``make bench`` is the whole.

The facts. What a message costs depends on the machine, its load and the versions, so that a figure alone says
little; and whichever end is slower decides the figure.

The consequence. Only what was measured in the same minutes may be compared, and the end that is not under
test must be faster than any that is.

The design. Every contender runs in a fresh process, once a round, and the rounds are interleaved over all contenders
of a workload. The other end is another process, in C (``libzmq.c``), on the libzmq that pyzmq brings, which
is every contender's. Figures are medians over the rounds, and a ratio is the median of the rounds' own ratios.

A module for each workload holds its contenders, each written as its users would write it: :mod:`receiving`,
:mod:`subscribing`, :mod:`sending`, :mod:`round_trips`, :mod:`requesting`, :mod:`connections`, :mod:`growing` and
:mod:`ticking`. Around them: :mod:`workloads` lists what is measured, :mod:`run` is what a contender is given,
:mod:`measuring` runs one of them in a process of its own, :mod:`rounds` all of them, :mod:`figures` does the
arithmetic, :mod:`targets` judges, and :mod:`report` and :mod:`document` say what came out. The pages
of the documentation draw it.

:mod:`guarantees` is another study: what libraries do, and not how fast they are.
"""
