"""The one attempt of a send, on its own, and its twin in C by the same cases."""
