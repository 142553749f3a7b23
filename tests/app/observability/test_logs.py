import subprocess
import sys

import orjson
import pytest

SCRIPT = """
import logging
from app.observability.logs import configure_logs, get_log
configure_logs({level!r})
get_log("figment").info("served", items=3)
logging.getLogger("library").warning("old %s", "style")
logging.getLogger("uvicorn.error").info("Started server process")
try:
    1 / 0
except ZeroDivisionError:
    get_log("figment").exception("broken")
"""


def lines_of(level):
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(level=level)], capture_output=True, check=True, timeout=60
    )
    assert process.stdout == b""
    return [orjson.loads(line) for line in process.stderr.splitlines()]


class TestConfigureLogs:
    def test_one_json_object_a_line_for_all_loggers(self):
        lines = lines_of("info")
        assert [(line["event"], line["level"]) for line in lines] == [
            ("served", "info"),
            ("old style", "warning"),
            ("broken", "error"),
        ]
        assert lines[0]["items"] == 3
        assert all(line["timestamp"].endswith("Z") for line in lines)

    def test_stack_of_an_error_is_kept(self):
        assert "ZeroDivisionError" in lines_of("info")[-1]["exception"]

    @pytest.mark.parametrize(("level", "num_lines"), [("warning", 2), ("error", 1)])
    def test_less_severe_lines_are_left_out(self, level, num_lines):
        assert len(lines_of(level)) == num_lines

    def test_nothing_fails_for_a_log_that_cannot_be_written(self):
        script = """
import os, sys
from contextlib import suppress
from app.observability.logs import configure_logs, get_log
read, write = os.pipe()
sys.stderr = os.fdopen(write, "w")
os.close(read)
configure_logs("info")
get_log("figment").info("nobody reads this")
with suppress(OSError):
    sys.stderr.close()
get_log("figment").info("nor this")
print("still there")
"""
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, timeout=60)
        assert ended.stdout == b"still there\n"
