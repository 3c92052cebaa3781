"""Names from a hub: which of them become files of the cache, and where."""

import pytest

from tidegate_loader import names
from tidegate_loader.failure import LoadFailed


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("hf://Org/Name", "hf/Org--Name"),
        ("ms://Qwen/Qwen3-0.6B", "ms/Qwen--Qwen3-0.6B"),
        ("hf://a/b.c_d", "hf/a--b.c_d"),
    ],
)
def test_a_model_has_one_folder_below_its_hub(uri: str, folder: str) -> None:
    model = names.parse(uri)
    assert model.uri == uri
    assert model.folder == folder
    assert names.is_model_path(model.path("0" * 40))


@pytest.mark.parametrize(
    "uri",
    [
        "hf://Org",
        "hf://Org/Name/more",
        "hf://../Name",
        "hf://Org/..",
        "hf://Org/a..b",
        "hf://Org--x/Name",
        "s3://Org/Name",
        "hf://Org/Name@v1",
        "hf://Org/Na me",
        "",
    ],
)
def test_what_names_no_model_of_a_hub_is_refused(uri: str) -> None:
    with pytest.raises(LoadFailed) as caught:
        names.parse(uri)
    assert caught.value.reason == "ModelNotFound"
    assert "hf://ORG/NAME" in caught.value.message


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/3", "0" * 40, "feature/x-y_z", "a"])
def test_branches_tags_and_commits_are_revisions(revision: str) -> None:
    assert names.revision_problem(revision) is None


@pytest.mark.parametrize("revision", ["", "..", "a/../b", "/a", "a/", "a//b", "a b", "a\n", "-x", "x" * 129])
def test_a_revision_that_could_be_taken_for_a_path_or_an_option_is_refused(revision: str) -> None:
    assert names.revision_problem(revision) is not None


@pytest.mark.parametrize(
    "path",
    [
        "hf/a--b/../../etc",
        "hf/a--b",
        "hf/a--b/main",
        "/hf/a--b/00000000",
        "xx/a--b/00000000",
        "hf/..--b/00000000",
        "",
    ],
)
def test_only_a_commit_of_a_model_is_a_folder_to_remove(path: str) -> None:
    assert not names.is_model_path(path)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("config.json", None),
        ("1_Pooling/config.json", None),
        ("a b.txt", None),
        ("übung.txt", None),
        ("", "is no plain relative name"),
        ("/etc/passwd", "is no plain relative name"),
        ("a\\b", "is no plain relative name"),
        ("a\0b", "is no plain relative name"),
        ("a\nb", "is no plain relative name"),
        ("\u202enosj.gifnoc", "is no plain relative name"),
        ("../x", "leads elsewhere"),
        ("a/../../x", "leads elsewhere"),
        ("a/./x", "leads elsewhere"),
        ("a//x", "leads elsewhere"),
        ("a/", "leads elsewhere"),
        ("..", "leads elsewhere"),
        (".tidegate/complete.json", "is a name of the cache itself"),
        ("x" * 256, "is too long"),
        ("/".join(["x" * 200] * 6), "is too long"),
    ],
)
def test_a_file_stays_in_its_models_folder(name: str, problem: str | None) -> None:
    assert names.file_problem(name) == problem


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        (["a", "b/c", "b/d"], None),
        (["a", "a"], "'a' occurs twice"),
        (["a", "a/b"], "'a' is a file and a folder"),
        (["a/b/c", "a/b"], "'a/b' is a file and a folder"),
        (["ok", "../x"], "'../x' leads elsewhere"),
    ],
)
def test_names_fit_into_one_folder(listed: list[str], problem: str | None) -> None:
    assert names.names_problem(listed) == problem
