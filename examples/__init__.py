"""Programs that show the library at work; run them from the project's root, as in ``python -m examples.demo``."""
