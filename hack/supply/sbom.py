"""Lists of parts (CycloneDX 1.5) of each image, of the console's pages and of the chart: same locks, same bytes.

Owns the shape of the documents. Must not read a lockfile by itself (`supply.parts`), and says only what is locked: what
a base image brings is in the list that the image's builder makes of the whole.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

import yaml

from supply import parts
from supply.parts import Json

FORMAT: Final = "1.5"
LICENCE: Final = [{"license": {"id": "Apache-2.0"}}]
PAGES, CHART = "console-ui", "chart"


def write(folder: Path) -> list[Path]:
    """Write every list into a folder as NAME.cdx.json; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, document in documents():
        target = folder / f"{name}.cdx.json"
        target.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
        written.append(target)
    return written


def documents() -> Iterator[tuple[str, Json]]:
    """Yield every list with the name of what it is of."""
    release = parts.version()
    for name in parts.LOCKED:
        yield name, settled(parts.python_parts(name), image(name, release))
    for name, path in parts.REQUIRED.items():
        yield name, settled(of_requirements(parts.required(path)), image(name, release))
    for name, argument in parts.BASED.items():
        yield name, settled(standing_on(parts.base(argument)), image(name, release))
    yield PAGES, settled(of_web(parts.web_lock()), pages(release))
    chart = yaml.safe_load(parts.CHART.read_text())
    yield CHART, settled(of_chart(chart), charted(chart))


def settled(document: Json, subject: Json) -> Json:
    """Return a document about a subject, without the moment and the number that each run would make anew."""
    former = document.get("metadata", {}).get("component", {}).get("bom-ref")
    metadata = {k: v for k, v in document.get("metadata", {}).items() if k != "timestamp"}
    whole = {
        "bomFormat": "CycloneDX",
        "specVersion": FORMAT,
        "version": 1,
        "metadata": {**metadata, "component": subject},
        "components": document["components"],
        "dependencies": [
            {**one, "ref": subject["bom-ref"]} if one["ref"] == former else one
            for one in document.get("dependencies", ())
        ],
    }
    digest = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(whole, sort_keys=True))
    return {**whole, "serialNumber": f"urn:uuid:{digest}"}


def image(name: str, release: str) -> Json:
    """Return one of our images as a component."""
    return {
        "type": "container",
        "bom-ref": f"tidegate/{name}:{release}",
        "name": f"tidegate/{name}",
        "version": release,
        "licenses": LICENCE,
    }


def pages(release: str) -> Json:
    """Return the console's web app as a component."""
    reference = f"tidegate-console-ui@{release}"
    return {
        "type": "application",
        "bom-ref": reference,
        "name": "tidegate-console-ui",
        "version": release,
        "licenses": LICENCE,
    }


def charted(chart: Json) -> Json:
    """Return the chart as a component."""
    return {
        "type": "application",
        "bom-ref": f"chart/{chart['name']}@{chart['version']}",
        "name": f"chart/{chart['name']}",
        "version": str(chart["version"]),
        "licenses": LICENCE,
    }


def of_chart(chart: Json) -> Json:
    """Return what a chart brings: the images that it says it may run."""
    named = yaml.safe_load(chart["annotations"]["artifacthub.io/images"])
    return {"components": [container(one["image"]) for one in named]}


def standing_on(reference: str) -> Json:
    """Return what an image is that adds only our files to another."""
    return {"components": [container(reference)]}


def container(reference: str) -> Json:
    """Return somebody's image as a component; its digest is told where the reference has one."""
    plain, _, digest = reference.partition("@sha256:")
    name, _, tag = plain.rpartition(":")
    hashes = {"hashes": [{"alg": "SHA-256", "content": digest}]} if digest else {}
    return {"type": "container", "bom-ref": reference, "name": name, "version": tag, **hashes}


def of_web(lock: Json) -> Json:
    """Return what a package-lock.json pins; what is only built with has the scope `excluded`."""
    found = {path: one for path, one in lock["packages"].items() if path}
    return {
        "components": [
            web_part(path.rpartition("node_modules/")[2], one) for path, one in sorted(found.items())
        ]
    }


def web_part(name: str, locked: Json) -> Json:
    """Return one package of npm as a component."""
    algorithm, _, digest = locked["integrity"].partition("-")
    licence = {"licenses": [{"license": {"name": locked["license"]}}]} if "license" in locked else {}
    return {
        "type": "library",
        "bom-ref": f"{name}@{locked['version']}",
        "name": name,
        "version": locked["version"],
        "purl": f"pkg:npm/{quote(name)}@{locked['version']}",
        "scope": "excluded" if locked.get("dev") or locked.get("optional") else "required",
        "hashes": [
            {"alg": algorithm.upper().replace("SHA", "SHA-"), "content": base64.b64decode(digest).hex()}
        ],
        "externalReferences": [{"type": "distribution", "url": locked["resolved"]}],
        **licence,
    }


def of_requirements(required: Mapping[str, tuple[str, tuple[str, ...]]]) -> Json:
    """Return what a file of requirements pins; each digest is one of a file of that release."""
    return {
        "components": [
            {
                "type": "library",
                "bom-ref": f"{name}@{release}",
                "name": name,
                "version": release,
                "purl": f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{release}",
                "hashes": [{"alg": "SHA-256", "content": one} for one in digests],
            }
            for name, (release, digests) in sorted(required.items())
        ]
    }
