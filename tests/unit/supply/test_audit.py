"""What the indexes say of holes: found, none, or nothing at all, which is not the same as none."""

from typing import Any

import pytest

from supply.audit import HOLES, NOT_CHECKED, Verdict, main, of_npm, of_python, pinned_lines

Json = dict[str, Any]
PROBE_KNOWN = {"dependencies": [{"name": "urllib3", "version": "1.24.1", "vulns": [{"id": "CVE-1"}]}]}
PROBE_SKIPPED = {"dependencies": [{"name": "urllib3", "skip_reason": "not found on PyPI"}]}
PROBE_CLEAN = {"dependencies": [{"name": "urllib3", "version": "1.24.1", "vulns": []}]}
OURS = {"dependencies": [{"name": "kopf", "version": "1.45", "vulns": []}]}
SKIPPED = {"dependencies": [*OURS["dependencies"], {"name": "torch", "skip_reason": "not found on PyPI"}]}
HOLED = {
    "dependencies": [
        {"name": "kopf", "version": "1.45", "vulns": [{"id": "CVE-2", "fix_versions": ["1.46"]}]}
    ]
}


@pytest.mark.parametrize(
    ("report", "probe", "status", "says"),
    [
        pytest.param(OURS, PROBE_KNOWN, 0, "no known hole", id="nothing is known of ours"),
        pytest.param(HOLED, PROBE_KNOWN, HOLES, "kopf 1.45 has CVE-2; mended in 1.46", id="a hole"),
        pytest.param(OURS, PROBE_SKIPPED, NOT_CHECKED, "NOT CHECKED", id="an index without advisories"),
        pytest.param(OURS, PROBE_CLEAN, NOT_CHECKED, "NOT CHECKED", id="an index that knows no holes"),
        pytest.param(SKIPPED, PROBE_KNOWN, NOT_CHECKED, "does not know torch", id="a package is not known"),
        pytest.param({}, PROBE_KNOWN, NOT_CHECKED, "no package", id="no report"),
        pytest.param({}, {}, NOT_CHECKED, "NOT CHECKED", id="no answer at all"),
        pytest.param(HOLED, PROBE_SKIPPED, HOLES, "kopf 1.45 has CVE-2", id="a hole counts, whatever else"),
    ],
)
def test_python(report: Json, probe: Json, status: int, says: str) -> None:
    verdict = of_python(report, probe)
    assert verdict.status == status
    assert says in " ".join(verdict.lines())


NPM_PROBE = {"vulnerabilities": {"minimist": {"name": "minimist"}}}
NPM_HOLE = {"vulnerabilities": {"marked": {"name": "marked", "range": "<18.3", "severity": "high"}}}
REFUSED = {"message": "405 Method Not Allowed"}


@pytest.mark.parametrize(
    ("report", "probe", "status", "says"),
    [
        pytest.param({"vulnerabilities": {}}, NPM_PROBE, 0, "no known hole", id="nothing is known of ours"),
        pytest.param(NPM_HOLE, NPM_PROBE, HOLES, "marked <18.3 has a hole (high)", id="a hole"),
        pytest.param(REFUSED, REFUSED, NOT_CHECKED, "405", id="a registry that answers no such question"),
        pytest.param(
            {"vulnerabilities": {}}, {"vulnerabilities": {}}, NOT_CHECKED, "minimist", id="it knows none"
        ),
        pytest.param(REFUSED, NPM_PROBE, NOT_CHECKED, "405", id="it answered the probe only"),
    ],
)
def test_npm(report: Json, probe: Json, status: int, says: str) -> None:
    verdict = of_npm(report, probe)
    assert verdict.status == status
    assert says in " ".join(verdict.lines())


@pytest.mark.parametrize(
    ("python", "npm", "status"),
    [
        pytest.param(Verdict("Python"), Verdict("npm"), 0, id="all was checked"),
        pytest.param(Verdict("Python"), Verdict("npm", unknown="405"), NOT_CHECKED, id="half of it was"),
        pytest.param(Verdict("Python", unknown="?"), Verdict("npm", ("a",)), HOLES, id="a hole weighs most"),
    ],
)
def test_the_status_says_the_worst(
    python: Verdict, npm: Verdict, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supply.audit.asked_of_python", lambda: (python, {}))
    monkeypatch.setattr("supply.audit.asked_of_npm", lambda: (npm, {}))
    monkeypatch.setattr("supply.audit.of_python", lambda verdict, _: verdict)
    monkeypatch.setattr("supply.audit.of_npm", lambda verdict, _: verdict)
    assert main() == status


def test_only_names_and_versions_are_asked_about() -> None:
    hashed = " \\\n    --hash=sha256:aa\n"
    exported = f"aiohttp==3.13.2{hashed}tzdata==2025.2 ; sys_platform == 'linux'{hashed}"
    assert pinned_lines(exported) == ["aiohttp==3.13.2", "tzdata==2025.2"]
