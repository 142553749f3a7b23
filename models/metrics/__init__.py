"""Pure functions on ranked rows."""
