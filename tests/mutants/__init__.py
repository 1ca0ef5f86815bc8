"""Take each rule out of the code, one at a time, and see that a test fails: ``make mutants``.

A :class:`~tests.mutants.mutation.Mutation` names a rule, the symbol in which the code keeps it, and a change of that
symbol's syntax tree after which it does not. Neither names the source text, so a symbol may be rewritten as long as it
keeps its name and the names that the change speaks of; where it does not, ``tests/test_mutations.py`` fails.
"""
