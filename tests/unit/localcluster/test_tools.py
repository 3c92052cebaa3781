"""Which programs a pinned module gives, and when it is built anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcluster import tools

GOMOD = """module x

go 1.26.0

tool (
\texample.test/server/v3
\texample.test/kubernetes/cmd/kubectl
)

require k8s.io/kubernetes v1.36.3
"""


def test_the_tool_block_is_read() -> None:
    assert tools.tools_of(GOMOD) == ["example.test/server/v3", "example.test/kubernetes/cmd/kubectl"]


def test_a_module_without_tools_has_none() -> None:
    assert tools.tools_of("module x\n\ngo 1.26.0\n") == []


def test_a_module_of_one_tool_says_so_on_one_line() -> None:
    """`go get -tool` writes no block for the first tool; its module was then built as if it had sources."""
    assert tools.tools_of("module x\n\ntool example.test/dns\n\nrequire y v1\n") == ["example.test/dns"]


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("k8s.io/kubernetes/cmd/kubectl", "kubectl"),
        ("go.etcd.io/etcd/server/v3", "etcd"),
        ("helm.sh/helm/v4/cmd/helm", "helm"),
        ("github.com/coredns/coredns", "coredns"),
        ("github.com/kedacore/keda/v2/cmd/adapter", "keda-adapter"),
    ],
)
def test_a_program_is_named_by_the_last_word_of_its_path(package: str, name: str) -> None:
    assert tools.program_name(package) == name


def test_kubernetes_is_told_its_version() -> None:
    flags = tools.link_flags(GOMOD)
    assert "gitVersion=v1.36.3" in flags
    assert "gitMinor=36" in flags


def test_other_modules_are_only_made_small() -> None:
    assert tools.link_flags("module x\n") == "-s -w"


def test_a_module_may_ask_for_build_tags() -> None:
    assert tools.build_tags("// build tags: remove_all,enable_one\nmodule x\n") == "remove_all,enable_one"
    assert tools.build_tags(GOMOD) == ""


def test_a_changed_pin_is_another_build(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text(GOMOD)
    before = tools.module_hash(tmp_path)
    (tmp_path / "notes.txt").write_text("not part of the build")
    assert tools.module_hash(tmp_path) == before
    (tmp_path / "go.sum").write_text("x v1 h1:abc=\n")
    assert tools.module_hash(tmp_path) != before


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27 linux/amd64", (1, 27, 0)),
        ("go: command not found", ()),
    ],
)
def test_the_installed_go_is_compared_by_number(said: str, version: tuple[int, ...]) -> None:
    assert tools.go_version(said) == version


def test_the_pinned_go_is_new_enough_for_every_module() -> None:
    assert tools.go_version(tools.GO_PACKAGE.replace("-bin==", "")) >= tools.needed_go()


def test_every_program_we_start_is_pinned() -> None:
    given = {name for programs in tools.modules().values() for name in programs}
    assert {"etcd", "kube-apiserver", "kubelet", "kube-proxy", "kubectl", "containerd", "ctr"} <= given
    assert {"coredns", "helm", "kwok", "pause", "containerd-shim-runc-v2", "prometheus"} <= given
    assert {"keda-operator", "keda-adapter"} <= given
