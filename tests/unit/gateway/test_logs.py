"""Lines of the gateway's log, and of the libraries in it, have the form of all parts."""

import logging

import structlog

from tidegate_gateway import logs
from unit.logform import configured, read


def test_own_lines_say_what_they_are_about_beside_the_common_form() -> None:
    with configured(logs.configure) as stream:
        structlog.get_logger().warning("lost the API server", again_in=1.5)
    assert read(stream.getvalue(), "tidegate_gateway") == {
        "level": "warning",
        "message": "lost the API server",
        "again_in": 1.5,
    }


def test_a_library_says_who_it_is() -> None:
    with configured(logs.configure) as stream:
        logging.getLogger("opentelemetry.exporter").error("cannot reach %s", "collector")
        logging.getLogger("opentelemetry.exporter").info("nobody asked")
    assert read(stream.getvalue(), "opentelemetry.exporter") == {
        "level": "error",
        "message": "cannot reach collector",
    }


def test_an_error_is_told_with_where_it_was() -> None:
    with configured(logs.configure) as stream:
        try:
            raise RuntimeError("broken")
        except RuntimeError:
            structlog.get_logger().exception("failed")
    told = read(stream.getvalue(), "tidegate_gateway")
    assert told["exception"][0]["exc_value"] == "broken"
