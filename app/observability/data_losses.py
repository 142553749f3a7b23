"""Data that was left out is told on standard error, so that no figure stands for more than was read."""

import sys

from models.data.check import CheckReport, render_report


def tell_losses(report: CheckReport) -> None:
    """The whole report where something of the data was dropped; nothing otherwise."""
    if any(problem.severity == "loss" for problem in report.problems):
        print(render_report(report), file=sys.stderr)
