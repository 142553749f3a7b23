"""Protocols and systems: scores every system under one protocol."""
