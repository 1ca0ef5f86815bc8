"""The books of one socket, on their own: each unit, and its twin in C by the same cases."""
