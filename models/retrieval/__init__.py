"""The metric, and the index of real items under it."""
