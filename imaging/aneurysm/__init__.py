"""Sacs on vessels: the parent vessel without the sac, the neck plane, the sac's shape. mm, LPS."""
