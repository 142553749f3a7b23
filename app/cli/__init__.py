"""`figment`: the command line, one file for the verbs and one for each noun that has several."""

from app.cli.verbs import cli, main

__all__ = ["cli", "main"]
