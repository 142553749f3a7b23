"""Trains picture generator, critic and classifier."""
