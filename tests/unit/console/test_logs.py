"""Lines of the console's log have the form of all parts."""

import structlog

from tidegate_console import logs
from unit.logform import configured, read


def test_a_line_says_what_it_is_about_beside_the_common_form() -> None:
    with configured(logs.configure) as stream:
        structlog.get_logger().info("listening", port=8080)
    assert read(stream.getvalue(), "tidegate_console") == {
        "level": "info",
        "message": "listening",
        "port": 8080,
    }
