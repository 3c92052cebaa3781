"""Rendered configuration: what the parts of a cluster tell each other must agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localcluster import configs, machine, pki
from localcluster.buildah import mentioned, pip_conf, uv_toml
from localcluster.network import choose
from localcluster.paths import Layout

PLAN = choose("0000000a", [])
HOME = Path("/state/cluster")


def objects(kind: str) -> list[dict[str, Any]]:
    return [o for o in configs.objects(PLAN, Path("/volumes")) if o["kind"] == kind]


def test_pods_ask_the_address_that_the_dns_service_has() -> None:
    service = objects("Service")[0]
    assert configs.kubelet(PLAN, HOME, "cg")["clusterDNS"] == [service["spec"]["clusterIP"]]


def test_the_dns_service_leads_to_where_coredns_listens() -> None:
    address = objects("EndpointSlice")[0]["endpoints"][0]["addresses"][0]
    assert f"bind {address}\n" in configs.corefile(PLAN, HOME, [])


def test_outside_names_go_to_the_servers_of_the_host() -> None:
    assert "forward . 192.0.2.53 192.0.2.54\n" in configs.corefile(PLAN, HOME, ["192.0.2.53", "192.0.2.54"])


def test_without_servers_there_is_nothing_to_forward_to() -> None:
    assert "forward" not in configs.corefile(PLAN, HOME, [])


def test_pods_get_addresses_that_kube_proxy_knows_as_pods() -> None:
    plugin: Any = configs.cni(PLAN)["plugins"]
    assert plugin[0]["ipam"]["ranges"][0][0]["subnet"] == configs.kube_proxy(PLAN, HOME)["clusterCIDR"]


def test_containerd_keeps_the_pause_image() -> None:
    text = configs.containerd(HOME, Path("/usr/sbin/runc"), Path("/tools/shim"), "localhost/pause:1")
    assert "sandbox = 'localhost/pause:1'" in text
    assert "restrict_oom_score_adj = true" in text


def test_there_is_one_default_storage_class_and_its_volumes() -> None:
    (default,) = objects("StorageClass")
    volumes = objects("PersistentVolume")
    assert default["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    assert {v["spec"]["storageClassName"] for v in volumes} == {default["metadata"]["name"]}
    assert len({v["spec"]["hostPath"]["path"] for v in volumes}) == configs.VOLUMES


def test_pods_leave_through_the_host_but_not_towards_each_other() -> None:
    layout = Layout(Path("/cache"), "0000000a")
    assert f'ip saddr {PLAN.block} oifname != "tg0000000a" masquerade' in machine.masquerade(layout, PLAN)


MOUNTS = """24 1 0:22 / /sys rw - sysfs sysfs rw
30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
31 24 0:27 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw
"""


def test_every_cgroup_hierarchy_is_found() -> None:
    found = machine.cgroup_roots(MOUNTS)
    assert found == [Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup/unified")]


def test_a_server_certificate_carries_names_and_addresses() -> None:
    text = pki.request_config("kube-apiserver", [], ["localhost", "10.74.0.2"], authority=False)
    assert "subjectAltName=DNS:localhost,IP:10.74.0.2" in text
    assert "CA:FALSE" in text


def test_every_group_of_a_client_is_in_its_certificate() -> None:
    text = pki.request_config("someone", ["first", "second"], [], authority=False)
    assert "0.O=first\n1.O=second\nCN=someone" in text


def test_a_kubeconfig_needs_no_other_file(tmp_path: Path) -> None:
    pair = pki.Pair(tmp_path / "a.crt", tmp_path / "a.key")
    for file in (pair.cert, pair.key):
        file.write_text(file.name)
    text = json.dumps(pki.kubeconfig("https://10.74.0.2:6443", pair.cert, pair))
    assert str(tmp_path) not in text


@pytest.mark.parametrize("index", ["https://packages.example.test/simple", None], ids=["own index", "none"])
def test_a_build_uses_the_package_index_of_the_host(index: str | None) -> None:
    assert (f"index-url = {index}" in pip_conf(index)) is bool(index)
    assert (f'url = "{index}"' in uv_toml(index)) is bool(index)


def test_the_steps_of_a_build_are_read_from_what_it_says() -> None:
    said = "STEP 1/2: FROM x\n--> Using cache 1535c5dabf4d3b895993590e\nSTEP 2/2: COPY a b\n--> 2890f1aa02c\n"
    assert mentioned(said) == {"1535c5dabf4d3b895993590e", "2890f1aa02c"}
