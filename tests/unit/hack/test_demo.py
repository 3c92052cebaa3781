"""The demo's choices: which cluster, which images, and what it tells when it cannot."""

import pytest

from demo import __main__ as demo
from demo import ask, clusters
from localcluster.errors import ClusterError


def test_an_unknown_cluster_is_refused_with_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER", "minikube")
    with pytest.raises(ClusterError, match="local, kind, current"):
        clusters.chosen()


def test_kind_without_docker_names_the_other_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ClusterError, match=r"needs docker(.|\n)*CLUSTER=current"):
        clusters.Kind().up()


def test_the_cluster_of_a_kubeconfig_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    with pytest.raises(ClusterError, match="/nowhere/config"):
        clusters.Current().up()


def test_images_of_a_registry_of_the_users_carry_its_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_IMAGE_PREFIX", "registry.example.com/")
    assert clusters.Current().load()["operator"] == "registry.example.com/tidegate/operator:0.1.0"


def test_the_next_commands_carry_the_key_and_the_kubeconfig() -> None:
    told = ask.next_commands("sk-test", "/some/kubeconfig", "/some/kubectl")
    assert "KUBECONFIG=/some/kubeconfig" in told
    assert "Bearer sk-test" in told


def test_a_wrong_word_is_told_the_right_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["start"]) == 2
    assert "up|reload|engines|down" in capsys.readouterr().err


def test_an_error_is_a_sentence_and_a_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLUSTER", "minikube")
    assert demo.main(["down"]) == 1
    assert capsys.readouterr().err.startswith("error: CLUSTER=minikube")
