"""Long runs: many connections, many messages, long storms. ``make soak``; not part of ``make test``."""
