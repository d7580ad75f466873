"""The workspace on disk: opening, settings and sources; its paths are :class:`WorkspacePaths`."""

import contextlib
import datetime
import os
import stat
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import tomli_w

from curation import __version__
from curation.errors import WorkspaceError
from curation.storage import files, own_paths, typed_paths
from curation.storage.workspace_paths import WorkspacePaths

SCHEMA = 1
ENVIRONMENT_VARIABLE = "TIERSCOPE_WORKSPACE"
DEFAULT_ROOT = "workspace"

Role = Literal["pool", "target"]
ROLES: dict[Role, str] = {
    "pool": "pretraining pool: the scans whose quality is in question. To look at scans, rate them and sort "
    "them into tiers, choose this; a study can pretrain on them later",
    "target": "external target cohort: other people, of known age. Only a study needs it: it learns from the "
    "pool, and is judged by how well it tells the ages of these",
}


@dataclass(frozen=True)
class Source:
    """A source of scans.

    Parameters
    ----------
    name : str
        Short name, unique in the workspace; prefix of every ``scan_id``, and of the ``subject_id`` of those
        whom no table names.
    path : str
        Absolute path of the data set folder or the manifest file. Only read, never written.
    kind : str
        ``bids``, ``folder`` or ``manifest``.
    role : {'pool', 'target'}
        What the scans are for.
    simulated : bool
        True for scans that are not of people. Shown wherever they are.
    include : str
        Pattern that file names must match, such as ``'*_T1w*'``.
    participants : str
        Absolute path of a table of people to join; empty for the source's own ``participants.tsv``.
    modality : str
        Which kind of image is scored, see :data:`curation.sources.image_modality.KINDS`; others are only
        listed.
    pseudonyms : str
        Which key its pseudonyms are made with, see :mod:`curation.sources.pseudonyms`; empty: names stay.
    sexes : str
        Which code of sex is which in its tables, see :func:`curation.sources.sex_codes.of_words`; empty: as
        they tell.
    """

    name: str
    path: str
    kind: str
    role: Role = "pool"
    simulated: bool = False
    include: str = "*"
    participants: str = ""
    modality: str = "T1w"
    pseudonyms: str = ""
    sexes: str = ""


@dataclass(frozen=True)
class ImageSettings:
    """What is shown of heads, ``[images]`` in ``workspace.toml``.

    Parameters
    ----------
    whole_heads : bool
        Thumbnails, and with them contact sheets and pictures of reports, show heads with their faces.
    in_3d : bool
        Scans with faces may be looked at in 3D, where nobody has to sign in.
    """

    whole_heads: bool = False
    in_3d: bool = False


@dataclass(frozen=True)
class Workspace(WorkspacePaths):
    """A folder with everything that Tierscope knows and makes.

    Parameters
    ----------
    root : Path
        The folder. Use :meth:`open` or :meth:`create` to get one that was checked.
    """

    # ---- opening -----------------------------------------------------------------------------

    @classmethod
    def open(cls, root: str | Path) -> "Workspace":
        """Open an existing workspace.

        Raises
        ------
        WorkspaceError
            When there is none at ``root`` or it was made by a newer Tierscope.
        """
        workspace = cls(typed_paths.resolved(root))
        settings = workspace.settings()
        schema = settings.get("schema", 0)
        if not isinstance(schema, int):
            raise WorkspaceError(
                f"{workspace.settings_path}: schema is {schema!r}; expected is a number, {SCHEMA} for this "
                "Tierscope. Mend the line, or put back a copy of the file."
            )
        if schema > SCHEMA:
            raise WorkspaceError(
                f"{workspace.root} was made by a newer Tierscope (layout {schema}, this "
                f"one reads up to {SCHEMA}). Update Tierscope, or open another workspace."
            )
        return workspace

    @classmethod
    def create(cls, root: str | Path) -> "Workspace":
        """Open the workspace at ``root``, making an empty one where there is none.

        Raises
        ------
        WorkspaceError
            When ``root`` is a file, or a folder with other things in it.

        Notes
        -----
        A new folder is this account's alone; one that was there keeps what its group may do. Others may
        not look in, whatever the umask says.
        """
        workspace = cls(typed_paths.resolved(root))
        if workspace.settings_path.exists():
            return cls.open(root)
        if workspace.root.is_file():
            raise WorkspaceError(f"{workspace.root} is a file. Name a folder for the workspace.")
        # a dashboard that was started on the empty folder has left its key there
        if workspace.root.is_dir() and any(
            not path.match(workspace.door_key_path("*").name) for path in workspace.root.iterdir()
        ):
            raise WorkspaceError(
                f"{workspace.root} holds other files. Name an empty or new folder for the "
                "workspace: Tierscope never writes among your data."
            )
        workspace._close_to_others()
        workspace._write_settings(
            {
                "schema": SCHEMA,
                "tierscope": __version__,
                "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "display": "radiological",
                "sources": [],
            }
        )
        return workspace

    def _close_to_others(self) -> None:
        self.root.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            self.root.mkdir(mode=0o700)
        mode = stat.S_IMODE(self.root.stat().st_mode)
        if mode & stat.S_IRWXO:
            with contextlib.suppress(PermissionError):  # another account's folder: its affair
                self.root.chmod(mode & ~stat.S_IRWXO)

    @classmethod
    def current(cls) -> "Workspace":
        """Open the workspace named by ``TIERSCOPE_WORKSPACE``, or ``./workspace``."""
        return cls.open(cls.named())

    @staticmethod
    def named() -> Path:
        """Return the folder that the setting names, whether or not it is there."""
        return Path(os.environ.get(ENVIRONMENT_VARIABLE, DEFAULT_ROOT)).expanduser()

    @property
    def name(self) -> str:
        """What it is called on the screen: its folder, with that above where many are called alike."""
        name, above = self.root.name, self.root.absolute().parent.name
        return f"{above}/{name}" if name.lower() == "workspace" and above else name

    @property
    def writable(self) -> bool:
        """Whether this account may write to the workspace; if not, it can still be looked at."""
        return os.access(self.root, os.W_OK)

    # ---- settings ----------------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Return the content of ``workspace.toml``.

        Raises
        ------
        WorkspaceError
            When there is no workspace, or the file cannot be read as TOML.
        """
        try:
            return files.parse_toml(files.read_text(self.settings_path))
        except FileNotFoundError:
            raise WorkspaceError(
                f"There is no workspace at {self.root}. Make one with "
                f"'python -m curation ingest SOURCE --workspace {self.root}', or with "
                f"'python -m curation demo --workspace {self.root}' to try Tierscope out."
            ) from None
        except UnicodeDecodeError as error:
            raise WorkspaceError(
                f"{self.settings_path} is not UTF-8 text ({error}). Save it as UTF-8, or put back a copy."
            ) from error
        except ValueError as error:
            raise WorkspaceError(
                f"{self.settings_path} is not valid TOML ({error}). Mend the line it names."
            ) from error

    def sources(self) -> list[Source]:
        """Return the sources in the order in which they were added.

        Raises
        ------
        WorkspaceError
            When one of them lacks its name, path or kind. What a newer Tierscope noted besides is left out.
        """
        known = {item.name for item in fields(Source)}
        try:
            listed = [
                Source(**{name: value for name, value in row.items() if name in known})
                for row in self.settings().get("sources", [])
            ]
            return [
                replace(
                    one,
                    path=own_paths.read(self.root, one.path),
                    participants=own_paths.read(self.root, one.participants),
                )
                for one in listed
            ]
        except (TypeError, AttributeError) as error:
            raise WorkspaceError(
                f"{self.settings_path} does not describe its sources ({error}). Each is a table [[sources]] "
                "with name, path and kind; mend it, or put back a copy of the file."
            ) from error

    def put_source(self, source: Source) -> None:
        """Add ``source``, or replace the one of its name; others stay as they are."""
        self.sources()  # a file that cannot be read is not written over
        rows = {row["name"]: row for row in self.settings().get("sources", [])}
        settings = self.settings() | {
            "sources": list((rows | {source.name: self._written(source)}).values())
        }
        self._write_settings(settings)

    def drop_source(self, name: str) -> None:
        """List a source no more; one that is not there is none."""
        rows = [row for row in self.settings().get("sources", []) if row["name"] != name]
        self._write_settings(self.settings() | {"sources": rows})

    def _written(self, source: Source) -> dict[str, Any]:
        """Return a source as it is written down: what lies in the workspace moves along with it."""
        own = {
            name: own_paths.written(self.root, getattr(source, name))
            for name in ("path", "participants")
        }
        return asdict(source) | own

    def images(self) -> ImageSettings:
        """Return what is shown of heads.

        Raises
        ------
        WorkspaceError
            When ``[images]`` holds anything else than true or false.
        """
        given = self.settings().get("images", {})
        names = {item.name for item in fields(ImageSettings)}
        if not isinstance(given, dict) or not all(
            type(value) is bool for name, value in given.items() if name in names
        ):
            raise WorkspaceError(
                f"{self.settings_path}: [images] has {' and '.join(sorted(names))}, each true or false."
            )
        return ImageSettings(**{name: given[name] for name in names & set(given)})

    def put_images(self, chosen: ImageSettings) -> None:
        """Keep what is shown of heads."""
        self._write_settings(self.settings() | {"images": asdict(chosen)})

    def different_people(self) -> set[frozenset[str]]:
        """Return the pairs of sources whose equal participant ids were declared different people."""
        return {frozenset(pair) for pair in self.settings().get("different_people", [])}

    def put_different_people(self, pairs: Iterable[frozenset[str]]) -> None:
        """Keep these pairs and no others."""
        listed = sorted(sorted(pair) for pair in pairs)
        self._write_settings(self.settings() | {"different_people": listed})

    def _write_settings(self, settings: dict[str, Any]) -> None:
        files.write_text(self.settings_path, tomli_w.dumps(settings))

    def sweep(self) -> None:
        """Remove half-written files of killed processes in the folders of tables and cohorts."""
        for folder in (
            self.root,
            self.metrics_dir,
            self.previews_dir,
            self.vectors_dir("brain"),
            self.vectors_dir("prepared"),
            self.references_dir,
            self.cohorts_dir,
            self.tasks_dir,
            self.derivatives_dir,
            self.cohort_derivatives_dir,
            self.exported_cohorts_dir,
        ):
            files.sweep(folder)
