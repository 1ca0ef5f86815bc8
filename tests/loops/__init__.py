"""What each loop's users expect of it, beyond what all loops have in common."""
