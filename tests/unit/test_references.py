"""How a profile is referred to: names, versions, paths, and what is none of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authweave.engine import Engine
from authweave.errors import AuthweaveError, ProfileError, UsageError
from authweave.extensions.catalog import Catalog
from authweave.inheritance.references import Reference, is_name
from authweave.loading import check_file
from authweave.plugin import AuthweavePlugin
from authweave.profile_files import Change, ProfileFiles
from authweave.resources import profiles_folder
from authweave.settings import Settings
from authweave.values import TaskRequest

CATALOG = Catalog(installed=False)


def text(version: str | None = "1.0.0", name: str = "acme", more: str = "") -> str:
    written = f"version: {version}\n" if version else ""
    return f"format: 1\nname: {name}\n{written}identity_provider: Acme\nservers: ['https://api.acme.example']\nauth: {{type: bearer}}\n{more}"


def catalogue_of(tmp_path: Path, *versions: str | None, allows_paths: bool = True) -> ProfileFiles:
    """A folder for each version of acme, searched in this order."""
    folders = []
    for number, version in enumerate(versions):
        folder = tmp_path / f"folder-{number}"
        folder.mkdir()
        (folder / "acme.yaml").write_text(text(version))
        folders.append(folder)
    return ProfileFiles(folders, tmp_path / "shipped", CATALOG, lambda change: None, allows_paths=allows_paths)


# Versions


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("acme", "1.2.0"), ("acme@1", "1.2.0"), ("acme@1.2", "1.2.0"), ("acme@1.2.0", "1.2.0"), ("acme@1.1", "1.1.7"),
        ("acme@1.1.7", "1.1.7"), ("acme@2", "2.0.0-rc.1"), ("acme@2.0.0-rc.1", "2.0.0-rc.1"), ("acme@12", "12.0.0"),
    ],
)  # fmt: skip
def test_the_first_folder_whose_file_fits(tmp_path: Path, reference: str, found: str) -> None:
    """Without a version the first of the name; with one, however much of it is written, the first that fits."""
    catalogue = catalogue_of(tmp_path, "1.2.0", "1.1.7", "2.0.0-rc.1", "1.2.9", "12.0.0")

    profile = catalogue.profile(reference)

    assert profile.version == found
    assert str(catalogue.path_of(reference)) == profile.merged.document.source
    assert catalogue.as_read(reference) is profile


def test_one_file_is_one_profile_however_it_is_referred_to(tmp_path: Path) -> None:
    """So that connections and tokens are shared."""
    catalogue = catalogue_of(tmp_path, "1.2.0")
    path = tmp_path / "folder-0" / "acme.yaml"

    found = [catalogue.profile(reference) for reference in ("acme", "acme@1", "acme@1.2", "acme@1.2.0", str(path), path)]

    assert all(profile is found[0] for profile in found)


@pytest.mark.parametrize("wanted", ["3", "1.3", "1.2.1", "1.20", "1.2.0-rc.1", "1.2.0+build"])
def test_a_version_that_is_not_there(tmp_path: Path, wanted: str) -> None:
    """The error names every version that was found, with its file."""
    catalogue = catalogue_of(tmp_path, "1.2.0", None)

    with pytest.raises(UsageError) as refused:
        catalogue.profile(f"acme@{wanted}")

    first, second = (tmp_path / f"folder-{number}" / "acme.yaml" for number in range(2))
    assert str(refused.value) == f"acme: there is no version {wanted}; there is 1.2.0 ({first}), 0.0.0 ({second})"


def test_a_broken_file_is_passed_over_only_if_it_says_that_it_is_another_version(tmp_path: Path) -> None:
    """Otherwise a typo in one's own profile would send the credential as a stranger's says."""
    catalogue = catalogue_of(tmp_path, "1.0.0", "2.0.0")
    (tmp_path / "folder-0" / "acme.yaml").write_text(text("1.0.0").replace("identity_provider", "idntity_provider"))

    assert catalogue.profile("acme@2").version == "2.0.0"
    for reference in ("acme", "acme@1", "acme@1.0.0"):
        with pytest.raises(ProfileError, match="idntity_provider"):
            catalogue.profile(reference)
    (tmp_path / "folder-0" / "acme.yaml").write_text("format: 1\nname: [\n")
    with pytest.raises(ProfileError):
        catalogue.profile("acme@2.0.0")


def test_a_version_that_is_edited_away(tmp_path: Path) -> None:
    """Who asked for it gets the next folder's that fits, or the error; who asks for any gets the new one."""
    told: list[Change] = []
    moment = [0.0]
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "acme.yaml"
    file.write_text(text("1.0.0"))
    catalogue = ProfileFiles([tmp_path / "a"], tmp_path / "shipped", CATALOG, told.append, monotonic=lambda: moment[0])
    assert catalogue.profile("acme@1").version == "1.0.0"

    file.write_text(text("2.0.0"))
    for _ in range(2):
        moment[0] += 1
        catalogue.profile("acme")

    assert catalogue.profile("acme").version == "2.0.0"
    with pytest.raises(UsageError, match=r"no version 1; there is 2\.0\.0"):
        catalogue.profile("acme@1")


@pytest.mark.parametrize("wanted", ["base@1", "base@1.4", "base@1.4.2", "base"])
def test_parents_are_referred_to_in_the_same_way(tmp_path: Path, wanted: str) -> None:
    """`extends: base@1.4` fits every 1.4.x."""
    (tmp_path / "base.yaml").write_text(text("1.4.2", "base"))
    (tmp_path / "acme.yaml").write_text(f"format: 1\nname: acme\nextends: {wanted}\n")

    assert check_file(tmp_path / "acme.yaml", catalog=CATALOG).problems == []


@pytest.mark.parametrize(("wanted", "fields"), [("base", 1), ("base@1", 1), ("base@2", 2), ("base@2.1", 2), ("base@3", 3)])
def test_the_first_parent_that_fits(tmp_path: Path, wanted: str, fields: int) -> None:
    """Beside the file, then in the folders: as references are found."""
    folders = [tmp_path / name for name in ("beside", "second", "third")]
    for number, folder in enumerate(folders, 1):
        folder.mkdir()
        listed = "".join(f"  - {{in: header, key: X-{each}, value: a}}\n" for each in range(number))
        (folder / "base.yaml").write_text(text(f"{number}.1.0", "base", more=f"fields:\n{listed}"))
    (folders[0] / "acme.yaml").write_text(f"format: 1\nname: acme\nextends: {wanted}\n")
    catalogue = ProfileFiles(folders, tmp_path / "shipped", CATALOG, lambda change: None)

    assert len(catalogue.profile("acme").fields) == fields

    (folders[0] / "base.yaml").write_text("format: [\n")
    if wanted != "base":
        assert "cannot be read" in str(check_file(folders[0] / "acme.yaml", catalog=CATALOG, folders=folders).problems)


@pytest.mark.parametrize("wanted", ["base@2", "base@1.5", "base@1.4.1"])
def test_a_parent_of_another_version(tmp_path: Path, wanted: str) -> None:
    """The problem says which version there is."""
    (tmp_path / "base.yaml").write_text(text("1.4.2", "base"))
    (tmp_path / "acme.yaml").write_text(f"format: 1\nname: acme\nextends: {wanted}\n")

    assert ["base is version 1.4.2, not " + wanted.removeprefix("base@")] == [problem.message for problem in check_file(tmp_path / "acme.yaml", catalog=CATALOG).problems]


# Nonsense


NONSENSE = [
    "", "@", "@1", "acme@", "acme@latest", "acme@v1", "acme@1@2", "acme@1.", "acme@.1", "acme@1.2.3.4", "acme@01", "acme@1.x", "acme@^1",
    "acme@-1", "acme@1 ", "acme@ 1", "acme@1\n", "acme@١", "..", ".", ".acme", "..@1", "acme\0", "acme\n", "acme:stream", "a" * 300,
    "acme@" + "9" * 400, "..\\acme", "\x1b[2Jacme",
]  # fmt: skip


@pytest.mark.parametrize("reference", NONSENSE, ids=ascii)
def test_nonsense_is_a_usage_error(tmp_path: Path, reference: str) -> None:
    """One plain error that says what can be written; nothing of it can move a cursor or fill a log."""
    catalogue = catalogue_of(tmp_path, "1.0.0")
    for ask in (catalogue.profile, catalogue.path_of, catalogue.as_read):
        with pytest.raises(UsageError) as refused:
            ask(reference)
        assert str(refused.value).isprintable()
        assert len(str(refused.value)) < 400
    assert not catalogue.knows(reference.replace("acme", "nobody"))


@pytest.mark.parametrize("reference", [None, 1, b"acme", ["acme"], {"acme": 1}])
def test_what_is_no_text_is_a_usage_error(tmp_path: Path, reference: object) -> None:
    """Also what cannot be the key of a map."""
    with pytest.raises(UsageError, match="named by a text or by a path"):
        catalogue_of(tmp_path, "1.0.0").profile(reference)  # type: ignore[arg-type]  # on purpose


@given(st.text(max_size=30) | st.text("./\\@10ab~%", max_size=12))
def test_no_text_leads_out_of_the_folders(tmp_path_factory: pytest.TempPathFactory, reference: str) -> None:
    """Where paths are not allowed, every text is a profile of the folders, or a UsageError."""
    outer = tmp_path_factory.getbasetemp() / "outer"
    (outer / "in" / "deep").mkdir(parents=True, exist_ok=True)
    for place in (outer, outer / "in"):
        (place / "ab.yaml").write_text(text(name="ab"))
    catalogue = ProfileFiles([outer / "in" / "deep"], outer / "none", CATALOG, lambda change: None, allows_paths=False)

    with pytest.raises(UsageError):
        catalogue.profile(reference)


@given(st.text(max_size=30))
def test_references_are_read_or_refused(text: str) -> None:
    """Nothing else than a UsageError comes of any text; what is read is a name and a version again."""
    try:
        reference = Reference.of(text)
    except UsageError:
        return
    assert is_name(reference.name)
    assert text == (f"{reference.name}@{reference.version}" if "@" in text else reference.name)


# Paths


@pytest.mark.parametrize("wrong", ["nowhere/acme.yaml", "/nowhere/acme.yaml", "acme2.yaml", "x/" + "y" * 5000, "a/\0.yaml", "../../../../etc/passwd/x"])
def test_a_path_that_leads_nowhere(tmp_path: Path, wrong: str) -> None:
    """A UsageError, whatever the file system thinks of the name."""
    with pytest.raises(UsageError, match="no such file"):
        catalogue_of(tmp_path, "1.0.0").profile(wrong)


def test_paths_can_be_forbidden(tmp_path: Path) -> None:
    """A platform whose users write the names says so: texts are names then, and only a `Path`, which the program made, is a file's."""
    catalogue_of(tmp_path, "1.0.0")
    (tmp_path / "secret.yaml").write_text(text(name="secret"))
    folder = tmp_path / "folder-0"
    with Engine(folder, profile_paths=False) as engine:
        assert engine.connect("acme").profile.version == "1.0.0"
        for path in (f"{folder}/../../secret.yaml", str(tmp_path / "secret.yaml"), "../secret", "secret.yaml", "./acme.yaml", f"{folder}/acme.yaml"):
            for ask in (engine.connect, engine.profile, engine.path_of, engine.as_read):
                with pytest.raises(UsageError, match=r"profile_paths|names no profile"):
                    ask(path)
        assert engine.connect(tmp_path / "secret.yaml").profile.name == "secret"


def test_the_setting_may_come_from_the_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AUTHWEAVE_PROFILE_PATHS, as every other setting."""
    monkeypatch.setenv("AUTHWEAVE_PROFILE_PATHS", "false")
    with Engine(tmp_path) as engine, pytest.raises(UsageError, match="profile_paths"):
        engine.profile("./acme.yaml")


def test_the_host_contract_knows_names_alone(tmp_path: Path) -> None:
    """What a platform's users write into a bot is a name, or nobody's: no hook opens a file by its path."""
    catalogue_of(tmp_path, "1.0.0")
    with Engine(tmp_path / "folder-0") as engine:
        plugin = AuthweavePlugin(engine)
        for path in (str(tmp_path / "folder-0" / "acme.yaml"), "../folder-0/acme", "./acme.yaml", "acme.yaml"):
            assert plugin.authorize_request(path, TaskRequest("GET", "https://api.acme.example/")) is None
        for nothing in (None, 5, b"acme", {}, tmp_path / "folder-0" / "acme.yaml"):
            assert plugin.authorize_request(nothing, TaskRequest("GET", "https://api.acme.example/")) is None
        assert plugin.authorize_request("nobody", TaskRequest("GET", "https://api.acme.example/")) is None
        assert plugin.authorize_request("acme@1", TaskRequest("GET", "https://api.acme.example/")) is not None


def test_who_named_no_folder_is_told_how() -> None:
    """Profiles of one's own are not found by themselves: the error says how they are."""
    with Engine(settings=Settings.load(env={})) as engine, pytest.raises(UsageError, match="AUTHWEAVE_PROFILES=FOLDER names one"):
        engine.connect("nobody")


# Names


def test_names_are_those_that_can_be_referred_to(tmp_path: Path) -> None:
    """In the order of the folders, each once; hidden files, other endings and files that no reference can name are left out."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, files in ((first, ("b.yaml", "a.json", ".hidden.yaml", "x@1.yaml", "notes.txt", "c.yml")), (second, ("b.yaml", "0.yaml"))):
        folder.mkdir()
        for file in files:
            (folder / file).write_text("")
    catalogue = ProfileFiles([first, second, first], tmp_path / "shipped", CATALOG, lambda change: None)

    assert catalogue.names() == ["a", "b", "c", "0"]
    assert all(catalogue.knows(name) for name in catalogue.names())
    assert not any(catalogue.knows(name) for name in ("x@1", "notes", "../first/a", ".hidden", "x", "a.json", "first/a"))


def test_a_folder_that_is_a_file_has_no_names(tmp_path: Path) -> None:
    """And breaks nothing else."""
    (tmp_path / "file").write_text("")
    with Engine(tmp_path / "file") as engine:
        assert engine.names() == [path.stem for path in sorted(profiles_folder().iterdir())]
        with pytest.raises(UsageError):
            engine.profile("acme")


def test_every_shipped_profile_can_be_referred_to_in_every_way() -> None:
    """By name, and by each part of its version."""
    with Engine() as engine:
        for name in engine.names()[:10]:
            profile = engine.profile(name)
            major, minor, _ = profile.version.split(".")
            assert engine.profile(f"{name}@{major}") is engine.profile(f"{name}@{major}.{minor}") is engine.profile(profile.reference) is profile


def test_an_error_is_ones_own(tmp_path: Path) -> None:
    """Each caller raises a copy: no frame of another hangs on it."""
    catalogue = catalogue_of(tmp_path, "1.0.0")
    (tmp_path / "folder-0" / "acme.yaml").write_text("format: 1\n")
    raised: list[AuthweaveError] = []
    for _ in range(2):
        with pytest.raises(ProfileError) as refused:
            catalogue.profile("acme")
        raised.append(refused.value)

    assert raised[0] is not raised[1]
    assert raised[0].__context__ is None
