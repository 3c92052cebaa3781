"""Kernel settings of the whole machine that a node changes: remembered before, put back after the last node.

Shared by all checkouts of a cache directory, because the settings are.
"""

from __future__ import annotations

import json
from pathlib import Path

from localcluster.tools import locked

# The kubelet sets all but the first by itself; pods reach the outside through the first.
TOUCHED = (
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
ROOT = Path("/proc/sys")


def remember(memory: Path) -> None:
    """Note the present values, unless another cluster noted the original ones before."""
    with locked("sysctls"):
        if not memory.exists():
            values = {name: (ROOT / name).read_text().strip() for name in TOUCHED if (ROOT / name).exists()}
            memory.write_text(json.dumps(values))


def restore(memory: Path) -> None:
    """Put the noted values back. The caller knows that no cluster is left."""
    with locked("sysctls"):
        if memory.exists():
            for name, value in json.loads(memory.read_text()).items():
                (ROOT / name).write_text(value)
            memory.unlink()


def forward_packets() -> None:
    switch = ROOT / TOUCHED[0]
    if switch.read_text().strip() != "1":
        switch.write_text("1")
