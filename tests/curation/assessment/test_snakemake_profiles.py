"""Snakemake profiles are those that whoever runs the server named, and no others."""

from pathlib import Path

import pytest

from curation.assessment import snakemake_profiles
from curation.errors import ProfileError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "a cluster"
    made.mkdir()
    (made / "config.yaml").write_text("executor: slurm\n")
    return made


def test_a_profile_is_found_by_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        snakemake_profiles.ENVIRONMENT_VARIABLE, f"lab:{folder}, far-away:/far/away ,"
    )
    assert snakemake_profiles.named() == {"lab": folder, "far-away": Path("/far/away")}
    assert snakemake_profiles.folder("lab") == folder
    with pytest.raises(ProfileError, match=r"profile 'far-away'.*no config\.yaml in /far/away"):
        snakemake_profiles.folder("far-away")


def test_a_path_is_no_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(snakemake_profiles.ENVIRONMENT_VARIABLE, f"lab:{folder}")
    for name in (str(folder), "lab/", "../lab"):
        with pytest.raises(ProfileError, match=r"no Snakemake profile named .* \(there is: lab\)"):
            snakemake_profiles.folder(name)
    with pytest.raises(ProfileError, match=r"No profile is chosen \(there is: lab\)"):
        snakemake_profiles.folder("")


def test_without_the_setting_there_is_none_and_the_words_name_it(monkeypatch) -> None:
    monkeypatch.delenv(snakemake_profiles.ENVIRONMENT_VARIABLE, raising=False)
    assert snakemake_profiles.named() == {}
    with pytest.raises(ProfileError, match=r"TIERSCOPE_PROFILES=my-cluster:/path/of/its/folder"):
        snakemake_profiles.folder("lab")


@pytest.mark.parametrize(
    "setting", ["lab", "/path", "lab:", "lab:here", "a b:/x", ":/x", "lab:/x,lab:/y"]
)
def test_a_setting_that_cannot_be_read_is_refused_in_words(setting: str, monkeypatch) -> None:
    monkeypatch.setenv(snakemake_profiles.ENVIRONMENT_VARIABLE, setting)
    with pytest.raises(ProfileError, match="TIERSCOPE_PROFILES"):
        snakemake_profiles.named()
