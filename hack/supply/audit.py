"""Known holes in what we ship, as the package indexes tell them; an index that tells none is "not checked".

Owns the verdict. Each index is first asked about a release that is known to have holes: one that says nothing about it
says nothing about ours either. Asks by pip-audit and npm, and reads no advisory by itself.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localcluster.report import say
from supply import parts
from supply.parts import Json

HOLES, NOT_CHECKED = 1, 3
# Releases with holes that every list of advisories has: CVE-2021-33503 and CVE-2021-44906.
KNOWN_PYTHON: Final = "urllib3==1.24.1\n"
KNOWN_NPM: Final = ("minimist", "0.0.8")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one ecosystem: its holes, a sentence each; or why nothing is known."""

    of: str
    holes: tuple[str, ...] = ()
    unknown: str = ""

    @property
    def status(self) -> int:
        """0 if all was looked up and nothing found."""
        return HOLES if self.holes else NOT_CHECKED if self.unknown else 0

    def lines(self) -> list[str]:
        """Return the sentences for a person."""
        if not self.status:
            return [f"{self.of}: no known hole"]
        unknown = [f"{self.of}: NOT CHECKED: {self.unknown}"] if self.unknown else []
        return [*(f"{self.of}: {hole}" for hole in self.holes), *unknown]


def of_python(report: Json, probe: Json) -> Verdict:
    """Judge what pip-audit said of our packages, and of the one with holes."""
    holes = tuple(
        f"{one['name']} {one['version']} has {hole['id']}; "
        f"{'mended in ' + ', '.join(hole['fix_versions']) if hole.get('fix_versions') else 'no release mends it'}"
        for one in report.get("dependencies", ())
        for hole in one.get("vulns", ())
    )
    if not any(one.get("vulns") for one in probe.get("dependencies", ())):
        return Verdict("Python", holes, "this index tells of no holes at all, not even of urllib3 1.24.1's")
    skipped = [one["name"] for one in report.get("dependencies", ()) if "skip_reason" in one]
    unknown = f"the index does not know {', '.join(sorted(skipped))}" if skipped else ""
    return Verdict("Python", holes, unknown if report.get("dependencies") else "pip-audit told of no package")


def of_npm(report: Json, probe: Json) -> Verdict:
    """Judge what npm said of our packages, and of the one with holes."""
    if KNOWN_NPM[0] not in probe.get("vulnerabilities", {}):
        said = probe.get("message") or f"this registry does not tell of {KNOWN_NPM[0]} {KNOWN_NPM[1]}'s holes"
        return Verdict("npm", unknown=str(said))
    if "vulnerabilities" not in report:
        return Verdict("npm", unknown=str(report.get("message") or "npm gave no report"))
    found = report["vulnerabilities"].values()
    return Verdict(
        "npm", tuple(f"{one['name']} {one['range']} has a hole ({one['severity']})" for one in found)
    )


def main() -> int:
    """Ask both indexes, say what they know; 0 only if all was checked and nothing found."""
    verdicts = (of_python(*asked_of_python()), of_npm(*asked_of_npm()))
    for verdict in verdicts:
        for line in verdict.lines():
            say(line)
    return min((one.status for one in verdicts if one.status), default=0)


def asked_of_python() -> tuple[Json, Json]:
    """Return pip-audit's reports: of all that our images install from lockfiles, and of the probe."""
    lines = {line for name in parts.LOCKED for line in pinned_lines(parts.exported(name, "requirements.txt"))}
    lines |= {
        f"{name}=={one[0]}" for path in parts.REQUIRED.values() for name, one in parts.required(path).items()
    }
    return pip_audit("\n".join(sorted(lines)) + "\n"), pip_audit(KNOWN_PYTHON)


def pinned_lines(requirements: str) -> list[str]:
    """Return NAME==VERSION of each requirement, without markers and hashes."""
    plain = (re.split(r"[;\\]", line)[0].strip() for line in requirements.splitlines())
    return [line for line in plain if "==" in line]


def pip_audit(requirements: str) -> Json:
    """Return pip-audit's report; empty where it gave none."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        argv = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
        return _report([*argv, "--format", "json", "--requirement", file.name], parts.UI)


def asked_of_npm() -> tuple[Json, Json]:
    """Return npm's reports: of the console's lockfile, and of the probe."""
    name, release = KNOWN_NPM
    wanted = {"name": "probe", "version": "1.0.0", "dependencies": {name: release}}
    url = f"https://registry.npmjs.org/{name}/-/{name}-{release}.tgz"
    packages = {"": wanted, f"node_modules/{name}": {"version": release, "resolved": url}}
    lock = {**wanted, "lockfileVersion": 3, "requires": True, "packages": packages}
    with tempfile.TemporaryDirectory() as folder:
        for file, content in (("package.json", wanted), ("package-lock.json", lock)):
            (Path(folder) / file).write_text(json.dumps(content))
        argv = ["npm", "audit", "--json", "--package-lock-only"]
        return _report(argv, parts.UI), _report(argv, Path(folder))


def _report(argv: list[str], folder: Path) -> Json:
    """Run a program that ends with an error when it finds something; its report is what it prints."""
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    try:
        document: Json = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        return {"message": f"{argv[0]} said: {last[0][:300]}"}
    return document
