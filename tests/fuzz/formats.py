"""Every kind of file that is read: how hostile ones are made, and the product's door that reads them."""

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from curation.__main__ import main as curation
from curation.access import membership
from curation.decisions import audit_trail, database
from curation.dicom import series
from curation.dicom.pseudonyms import Pseudonyms
from curation.errors import VolumeError
from curation.imaging import volumes
from curation.interchange import mriqc_tables, mriqc_widget, session_import
from curation.interchange.rating_export import OVERRIDE_COLUMNS, RATING_COLUMNS
from curation.sessions import saved_lists, session_log
from curation.sources import discovery, other_tables, participants_table, pseudonyms, sidecar
from curation.sources import source as sources
from curation.sources.allowed_roots import EVERYTHING
from curation.storage import bids_tables, files, tables
from curation.storage.workspace import Source, Workspace
from curation.tiers import rule_yaml
from pages.ui.viewer import browser_image
from tests.fuzz import changes, images, sound
from training.__main__ import main as training

Make = Callable[[Path, random.Random], object]
Read = Callable[[Path], object]


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Parameters
    ----------
    make : callable
        Writes a hostile case into an empty folder.
    read : callable
        Reads the folder through the product's own door. What it raises besides an error in words is a crash.
    share : float
        How many of the cases are of it, in comparison.
    quick : callable, optional
        The part of the door that opens the files, which takes a tenth of the time; reads most cases.
    """

    make: Make
    read: Read
    share: float = 1.0
    quick: Read | None = None

    def reader(self, number: int) -> Read:
        """Return what reads a case: the whole door each eighth one."""
        return self.quick if self.quick and number % WHOLE else self.read


#: Each so manyeth case of a format goes through the whole door, with all that comes after it.
WHOLE = 8


class Crash(Exception):
    """A door ended in a way that is none of its own."""


def command(main: Callable[[list[str]], int], *arguments: object) -> int:
    """Run a command of the product and return its status."""
    try:
        status = main([os.fspath(one) if isinstance(one, Path) else str(one) for one in arguments])
    except SystemExit as error:  # of argparse, which has said what it expects
        status = error.code if isinstance(error.code, int) else 1
    if status not in (0, 1, 2):
        raise Crash(f"exit status {status}")
    return status


# ---- files that somebody names ---------------------------------------------------------------------------


def _one(name: str, content: Callable[[random.Random], bytes], folder: str = "") -> Make:
    """Make one file, seldom of an odd name, and seldom no file at all."""

    def make(case: Path, rng: random.Random) -> None:
        inside = case / folder
        inside.mkdir(exist_ok=True)
        path = changes.named(inside, name, rng)
        if rng.random() < 0.04:
            changes.place(path, rng)
        else:
            path.write_bytes(content(rng))

    return make


def _text(name: str, *, folder: str = "") -> Make:
    change = {".json": changes.of_json, ".tsv": changes.of_table, ".csv": changes.of_table}
    how = change.get(Path(name).suffix, changes.of_text)
    return _one(name, lambda rng: _foreign(rng) or how(sound.TEXTS[name], rng), folder)


def _foreign(rng: random.Random) -> bytes | None:
    """Return seldom a sound file of another kind."""
    if rng.random() >= 0.03:
        return None
    others = [images.sound_image(), *(text.encode() for text in sound.TEXTS.values())]
    return rng.choice(others)


def _given(case: Path) -> Path:
    """Return the file that a case consists of."""
    inside = next((one for one in case.iterdir() if one.name == "given"), case)
    return next(iter(sorted(inside.iterdir())), inside / "absent")


def _light(case: Path) -> Path:
    root = case.parent / "light"
    shutil.rmtree(root, ignore_errors=True)
    database.close()
    shutil.copytree(sound.light(), root)
    return root


def _still_reads(root: Path) -> None:
    """Read everything that a door may have stored: a crafted file must not spoil what comes after it."""
    workspace = Workspace.open(root)
    scans = tables.read_scans(workspace)
    session_log.list_sessions(workspace)
    saved_lists.list_lists(workspace)
    audit_trail.history(workspace)
    assert scans["scan_id"].is_unique
    command(curation, "tiers", "--rule", sound.rule_file(), "--out", root / "x.tsv", "-w", root)


def _ingest(case: Path, given: Path, *options: object) -> None:
    root = _light(case)
    command(curation, "ingest", given, "--name", "given", *options, "-w", root)
    _still_reads(root)


def _images(case: Path, rng: random.Random) -> None:
    folder = case / "given"
    folder.mkdir()
    for number in range(6):
        ending = rng.choice((".nii.gz",) * 4 + (".nii",))
        path = changes.named(folder, f"sub-{number:02d}_T1w{ending}", rng)
        if rng.random() < 0.04:
            changes.place(path, rng)
        elif rng.random() < 0.01:
            (folder / path.stem / path.stem).mkdir(parents=True)
            path.symlink_to(folder)
        else:
            path.write_bytes(images.nifti(rng))


def _read_images(case: Path) -> None:
    _ingest(case, case / "given", "--role", "target")


def _read_image(case: Path) -> None:
    """Load an image as scoring does, and as the browser gets it."""
    path = _given(case)
    loaded = volumes.load(path)
    volumes.conform(loaded)
    browser_image.write(case / "out.nii", loaded)


def _names(case: Path, rng: random.Random) -> None:
    folder = case / "given"
    for _ in range(rng.randint(1, 6)):
        parts = [os.fsdecode(rng.choice(changes.NAMES)) for _ in range(rng.randint(1, 3))]
        if rng.random() < 0.5:
            parts[0] = f"sub-{parts[0]}"
        path = folder.joinpath(
            *parts[:-1], parts[-1] + rng.choice(("_T1w.nii.gz", ".nii", "_pet.nii"))
        )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(images.sound_image())
        except OSError:  # a name that the file system itself refuses
            continue
    if rng.random() < 0.5:
        (folder / "participants.tsv").write_bytes(
            changes.of_table(sound.TEXTS["participants.tsv"], rng)
        )


def _bids(case: Path, rng: random.Random) -> None:
    """Make a data set of which the table of people, a sidecar or the description is hostile."""
    folder = case / "given"
    image = folder / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    image.parent.mkdir(parents=True)
    image.write_bytes(sound.packed_image())
    files = {
        "participants.tsv": folder / "participants.tsv",
        "sidecar.json": image.with_name("sub-01_T1w.json"),
        "dataset_description.json": folder / "dataset_description.json",
        "T1w.json": folder / "T1w.json",
    }
    for name in rng.sample(list(files), rng.randint(1, 3)):
        if rng.random() < 0.05:
            changes.place(files[name], rng)
            continue
        change = changes.of_table if name.endswith("tsv") else changes.of_json
        files[name].write_bytes(change(sound.TEXTS[name], rng))


def _read_bids(case: Path) -> None:
    _ingest(case, case / "given")
    image = case / "given" / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    sidecar.acquisition(image, case / "given")
    sidecar.window(image)


def _read_people(case: Path) -> None:
    folder = case / "images"
    folder.mkdir()
    (folder / "sub-01_T1w.nii.gz").write_bytes(sound.packed_image())
    _ingest(case, folder, "--participants", _given(case))


def _read_mriqc(case: Path) -> None:
    root = _light(case)
    command(curation, "import-mriqc", _given(case), "--name", "given", "-w", root)
    _still_reads(root)


def _ratings(case: Path, rng: random.Random) -> None:
    """Make a folder of exported ratings of which one to three files are hostile."""
    folder = case / "given"
    folder.mkdir()
    names = ("ratings.tsv", "overrides.tsv", "sessions.json")
    hostile = rng.sample(names, rng.randint(1, 3))
    for name in names:
        text = sound.TEXTS[name]
        change = changes.of_json if name.endswith("json") else changes.of_table
        path = folder / name
        if name in hostile and rng.random() < 0.05:
            changes.place(path, rng)
        else:
            path.write_bytes(change(text, rng) if name in hostile else text.encode())


def _import_ratings(given: Callable[[Path], Path]) -> Read:
    def read(case: Path) -> None:
        root = _light(case)
        command(curation, "import-ratings", given(case), "--rater", "Ada", "-w", root)
        _still_reads(root)
        command(curation, "export-ratings", "-w", root)

    return read


def _read_joined(case: Path) -> None:
    root = _light(case)
    command(curation, "join", _given(case), "-w", root)
    _still_reads(root)
    command(curation, "join", "-w", root)


def _dicom(case: Path, rng: random.Random) -> None:
    folder = case / "given"
    folder.mkdir()
    images.dicom(folder, rng)
    if rng.random() < 0.1:
        changes.place(changes.named(folder, "x.dcm", rng), rng)


def _read_dicom(case: Path) -> None:
    root = _light(case)
    command(curation, "dicom", case / "given", "--list", "-w", root)


def _convert_dicom(case: Path) -> None:
    root = _light(case)
    command(curation, "dicom", case / "given", "--ages", "-w", root)
    _still_reads(root)


def _read_labels(case: Path) -> None:
    root, folder = _light(case), case / "dicom"
    folder.mkdir()
    images.dicom(folder, random.Random(1))
    command(curation, "dicom", folder, "--labels", _given(case), "--list", "-w", root)


def _read_rule(case: Path) -> None:
    root = _light(case)
    command(curation, "tiers", "--rule", _given(case), "--out", case / "x.tsv", "-w", root)
    if command(curation, "rules", "given", "--save", _given(case), "-w", root) == 0:
        command(curation, "rules", "given", "-w", root)
        command(curation, "freeze", "c", "--rule", _given(case), "--author", "a", "-w", root)
        _still_reads(root)
    try:
        text = files.read_text(_given(case), errors="replace")[:200_000]
    except OSError:
        return
    rule_yaml.to_yaml(rule_yaml.parse(text))  # as it comes in an address


def _read_encoder(case: Path) -> None:
    scan = case / "scan.nii"
    scan.write_text("none")
    command(training, "prepare", scan, "--like", _given(case), "--to", case / "x.npy")


def _read_access(case: Path) -> None:
    path = _given(case)
    if path.is_file():
        path.chmod(0o600)
    membership.read(path)


def _read_key(case: Path) -> None:
    os.environ[pseudonyms.ENVIRONMENT_VARIABLE] = str(_given(case))
    try:
        (case / "images").mkdir()
        (case / "images" / "sub-01_T1w.nii.gz").write_bytes(sound.packed_image())
        _ingest(case, case / "images", "--pseudonyms")
    finally:
        del os.environ[pseudonyms.ENVIRONMENT_VARIABLE]


def _backup(case: Path, rng: random.Random) -> None:
    folder = case / "given"
    shutil.copytree(sound.backup(), folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    path = folder / "backup.json" if rng.random() < 0.7 else rng.choice(files)
    if rng.random() < 0.06:
        changes.place(path, rng)
    elif path.suffix == ".json":
        path.write_bytes(changes.of_json(path.read_text(), rng))
    else:
        path.write_bytes(changes.of_bytes(path.read_bytes(), rng))


def _restore(case: Path) -> None:
    command(curation, "restore", case / "given", "-w", case / "new")
    if (case / "new").exists():
        command(curation, "check", "-w", case / "new")


# ---- files of a workspace ----------------------------------------------------------------------------------

#: Commands by which a workspace is read.
_LOOKS: tuple[tuple[Callable[[list[str]], int], tuple[str, ...]], ...] = (
    (curation, ("check",)),
    (curation, ("audit",)),
    (curation, ("audit", "--verify")),
    (curation, ("database",)),
    (curation, ("people",)),
    (curation, ("rules",)),
    (curation, ("assess", "--gather")),
    (curation, ("export-ratings",)),
    (curation, ("ingest", "--again")),
    (curation, ("check-cohort", "{pool}")),
    (curation, ("diff-cohorts", "{pool}")),
    (curation, ("export-cohort", "{target}")),
    (curation, ("join",)),
    (training, ("status",)),
    (training, ("status", "{study}")),
    (training, ("power", "--target", "{target}", "--people", "20", "--seeds", "2")),
)


def _of_workspace(
    wanted: Callable[[Path], bool], change: Callable[[Path, random.Random], object]
) -> Make:
    """Damage one file of a full workspace."""

    def make(case: Path, rng: random.Random) -> None:
        root = Path(shutil.copytree(sound.full(), case / "full"))
        files = sorted(path for path in root.rglob("*") if path.is_file() and wanted(path))
        path = rng.choice(files)
        (case / "which").write_text(str(path.relative_to(root)))
        (case / "looks").write_text(json.dumps(rng.sample(range(len(_LOOKS)), 2)))
        if rng.random() < 0.05:
            changes.place(path, rng)
        else:
            change(path, rng)

    return make


def _look_at_workspace(case: Path) -> None:
    root = case / "full"
    names = sound.names_in(sound.full())
    database.close()
    for number in json.loads((case / "looks").read_text()):
        main, arguments = _LOOKS[number]
        command(main, *(one.format(**names) for one in arguments), "-w", root)


def _damage_text(path: Path, rng: random.Random) -> None:
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        path.write_bytes(changes.of_bytes(path.read_bytes(), rng))
        return
    if path.suffix == ".json":
        path.write_bytes(changes.of_json(text, rng))
    else:
        path.write_bytes(
            (changes.of_table if path.suffix == ".tsv" else changes.of_text)(text, rng)
        )


def _damage_bytes(path: Path, rng: random.Random) -> None:
    path.write_bytes(changes.of_bytes(path.read_bytes(), rng))


def _damage_table(path: Path, rng: random.Random) -> None:
    """Change a parquet file: its bytes, or its columns."""
    if rng.random() < 0.4:
        _damage_bytes(path, rng)
        return
    import pandas as pd

    table = pd.read_parquet(path)
    for _ in range(rng.randint(1, 2)):
        column = rng.choice(list(table.columns))
        how = rng.randrange(6)
        if how == 0:
            table = table.drop(columns=column)
        elif how == 1:
            table[column] = rng.choice((None, 1, -1.5, float("nan"), "x", "{", True, "2026-01-01"))
        elif how == 2:
            table[column] = table[column].astype(str)
        elif how == 3:
            table = pd.concat([table, table.head(2)])
        elif how == 4:
            table = table.head(0)
        else:
            table = table.rename(columns={column: f"{column} "})
        if not len(table.columns):
            break
    table.to_parquet(path, index=False)


def _damage_database(path: Path, rng: random.Random) -> None:
    """Change a database: its bytes, or what stands in its tables."""
    if rng.random() < 0.4:
        _damage_bytes(path, rng)
        return
    with closing(sqlite3.connect(path)) as held:
        found = held.execute("select name from sqlite_master where type='table'").fetchall()
        for _ in range(rng.randint(1, 3)):
            table = rng.choice(found)[0]
            columns = [row[1] for row in held.execute(f"pragma table_info({table})")]
            if not columns:
                continue
            column = rng.choice(columns)
            try:
                if rng.random() < 0.15:
                    held.execute(f"drop table {table}")
                elif rng.random() < 0.1:
                    held.execute(f"alter table {table} rename column {column} to other")
                else:
                    value = rng.choice(
                        ("{", "[]", "null", b"\xff", 10**17, -1, 1.5, "", "x" * 5000, "9999")
                    )
                    held.execute(f"update {table} set {column} = ?", (value,))  # noqa: S608
            except sqlite3.Error:
                continue
        held.commit()


def _in(*endings: str, without: tuple[str, ...] = (), under: str = "") -> Callable[[Path], bool]:
    return lambda path: (
        path.name.endswith(endings)
        and not path.name.endswith(without or ("\0",))
        and under in str(path)
    )


def _weights(case: Path, rng: random.Random) -> None:
    (case / "last.pt").write_bytes(images.checkpoint(rng, sound.checkpoint()))


def _read_weights(case: Path) -> None:
    from training.tasks import checkpoints

    checkpoints.load(case / "last.pt")


def _vectors(case: Path, rng: random.Random) -> None:
    root = Path(shutil.copytree(sound.full(), case / "full"))
    vectors = Workspace(root).vectors_dir("brain")
    vectors.mkdir(exist_ok=True)
    for sha in tables.read_scans(Workspace(root))["sha256"].dropna().head(6):
        (vectors / f"{sha}.npy").write_bytes(images.array(rng, sound.vector()))
    (case / "looks").write_text("[6, 4]")


# ---- the part that opens files ----------------------------------------------------------------------------


def _list(case: Path, given: Path | None = None, people: Path | None = None) -> None:
    """List a source as ingest does, and read each of its images to the end."""
    path = sources.absolute(given or case / "given")
    kind = discovery.kind_of(path)
    found = discovery.list_source(Source("given", str(path), kind), people, EVERYTHING)  # type: ignore[arg-type]
    for entry in found.entries:
        if entry.path is not None and entry.problem is None:
            try:
                volumes.verify(entry.path)
            except (VolumeError, OSError):  # a row with the reason
                continue
            sidecar.scanner(entry.path, path)


def _people_quickly(case: Path) -> None:
    for row in participants_table.participants(_given(case)).rows.values():
        participants_table.describe(row)


def _ratings_quickly(case: Path) -> None:
    folder = case / "given"
    session_import.read(folder / "sessions.json")
    bids_tables.read(folder / "ratings.tsv", RATING_COLUMNS)
    bids_tables.read(folder / "overrides.tsv", OVERRIDE_COLUMNS)


def _joined_quickly(case: Path) -> None:
    other_tables.read_table(Workspace(sound.light()), _given(case))


def _dicom_quickly(case: Path) -> None:
    found = series.look(case / "given", Pseudonyms(b"k" * 32))
    for one in found.series:
        one.why_not()


FORMATS: dict[str, Format] = {
    "images": Format(_images, _read_images, 1.5, _list),
    "one image": Format(_one("x_T1w.nii.gz", images.nifti), _read_image, 4),
    "names": Format(_names, lambda case: _ingest(case, case / "given"), 1, _list),
    "data set": Format(_bids, _read_bids, 2, _list),
    "people": Format(_text("people.tsv", folder="given"), _read_people, 1.5, _people_quickly),
    "manifest": Format(
        _text("list.csv", folder="given"),
        lambda case: _ingest(case, _given(case)),
        1.5,
        lambda case: _list(case, _given(case)),
    ),
    "mriqc table": Format(
        _text("group.tsv"), _read_mriqc, 1.5, lambda case: mriqc_tables.read(_given(case))
    ),
    "mriqc json": Format(
        _text("mriqc.json"), _read_mriqc, 1.5, lambda case: mriqc_tables.read(_given(case))
    ),
    "ratings": Format(_ratings, _import_ratings(lambda case: case / "given"), 2, _ratings_quickly),
    "rating table": Format(
        _text("ratings.tsv"),
        _import_ratings(_given),
        1,
        lambda case: bids_tables.read(_given(case), RATING_COLUMNS),
    ),
    "widget": Format(
        _text("widget.json"),
        _import_ratings(_given),
        1.5,
        lambda case: mriqc_widget.read(_given(case), None),
    ),
    "joined table": Format(_text("joined.csv"), _read_joined, 1.5, _joined_quickly),
    "dicom": Format(_dicom, _read_dicom, 2.5, _dicom_quickly),
    "dicom, converted": Format(_dicom, _convert_dicom, 0.05),
    "labels": Format(_text("labels.csv", folder="given"), _read_labels, 0.3),
    "rule": Format(_text("rule.yaml"), _read_rule, 2, lambda case: rule_yaml.read(_given(case))),
    "encoder": Format(_text("encoder.json"), _read_encoder, 1),
    "access": Format(_text("access.toml"), _read_access, 2),
    "key": Format(_text("pseudonym.key"), _read_key, 0.03),
    "backup": Format(_backup, _restore, 0.7),
    "weights": Format(_weights, _read_weights, 2),
    "vectors": Format(_vectors, _look_at_workspace, 0.05),
    "workspace: settings": Format(
        _of_workspace(_in("workspace.toml"), _damage_text), _look_at_workspace, 0.15
    ),
    "workspace: json": Format(
        _of_workspace(_in(".json", ".jsonl"), _damage_text), _look_at_workspace, 0.4
    ),
    "workspace: cohort lists": Format(
        _of_workspace(_in(".tsv", ".yaml", under="cohorts"), _damage_text), _look_at_workspace, 0.1
    ),
    "workspace: tables": Format(
        _of_workspace(_in(".parquet"), _damage_table), _look_at_workspace, 0.3
    ),
    "workspace: decisions": Format(
        _of_workspace(_in("decisions.sqlite"), _damage_database), _look_at_workspace, 0.25
    ),
}
