"""What the C extension alone can get wrong: memory, references, nonsense."""
