"""The paths inside a workspace: the only module that spells them."""

from dataclasses import dataclass
from pathlib import Path

from curation.errors import WorkspaceError
from curation.storage import files

_LINKS = "pseudonyms"


def behind_pseudonym(path: Path) -> Path:
    """Return the file that a pseudonym stands for, to look at what lies beside it; another path as it is."""
    return path.readlink() if path.parent.parent.name == _LINKS and path.is_symlink() else path


@dataclass(frozen=True)
class WorkspacePaths:
    """Files and folders below the root of a workspace.

    Parameters
    ----------
    root : Path
        The folder.
    """

    root: Path

    @property
    def settings_path(self) -> Path:
        return self.root / "workspace.toml"

    @property
    def scans_path(self) -> Path:
        return self.root / "scans.parquet"

    @property
    def metrics_dir(self) -> Path:
        return self.root / "metrics"

    @property
    def gathered_path(self) -> Path:
        """The metrics of all scans that were gathered; a scan's own shard beside it is newer."""
        return self.metrics_shard_path("all")

    @property
    def metrics_lock_path(self) -> Path:
        """Lock of whoever gathers the shards of the metrics table."""
        return self.metrics_dir / ".lock"

    def metrics_shard_path(self, name: str) -> Path:
        """Return one shard of the metrics table, such as that of a scan or of an imported table."""
        return self.metrics_dir / f"part-{name}.parquet"

    def metrics_shards(self) -> list[Path]:
        """Return all shards of the metrics table that there are, in no order."""
        return list(self.metrics_dir.glob("part-*.parquet"))

    @property
    def ingest_lock_path(self) -> Path:
        """Lock of whoever changes the sources or the table of scans."""
        return self.root / ".ingest.lock"

    @property
    def scores_path(self) -> Path:
        return self.root / "scores.parquet"

    @property
    def learned_path(self) -> Path:
        """One learned number a scan, from a pretrained model: a column of the scored scans."""
        return self.root / "learned.parquet"

    @property
    def world_path(self) -> Path:
        """What a simulated world with known truth was built with, and what is true of it."""
        return self.root / "world.json"

    @property
    def lent_world_path(self) -> Path:
        """The same of a world whose cohorts were lent to this workspace."""
        return self.root / "lent-world.json"

    @property
    def database_path(self) -> Path:
        return self.root / "decisions.sqlite"

    @property
    def database_note_path(self) -> Path:
        """Identity of the database of decisions, see :mod:`curation.decisions.database_identity`."""
        return self.root / "decisions.json"

    @property
    def earlier_dir(self) -> Path:
        """Copies of tables and decisions as they were before a newer Tierscope opened them first."""
        return self.root / "earlier-versions"

    @property
    def access_path(self) -> Path:
        """Who may use the dashboard, see :mod:`curation.access.membership`; where there is none, no login."""
        return self.root / "access.toml"

    def door_key_path(self, account: int | str) -> Path:
        """Return the file with the key of an account's dashboard, by the account's number; ``*``: of any."""
        return self.root / f".door-key-{account}"

    @property
    def links_dir(self) -> Path:
        """Links to the images of sources whose names are hidden, see :mod:`curation.sources.pseudonyms`."""
        return self.root / _LINKS

    @property
    def previews_dir(self) -> Path:
        """Thumbnails, of the brain alone unless the settings say otherwise."""
        return self.root / "thumbnails"

    @property
    def head_previews_dir(self) -> Path:
        """Thumbnails of versions before 0.11: of whole heads, shown no more."""
        return self.root / "previews"

    def vectors_dir(self, kind: str) -> Path:
        """A vector of each scored scan, named by its content: may be deleted, they are made again."""
        return self.root / f"{kind}-vectors"

    @property
    def brain_vectors_lock_path(self) -> Path:
        """Lock of whoever compares them."""
        return self.vectors_dir("brain") / ".lock"

    @property
    def near_duplicates_path(self) -> Path:
        """Pairs of scans that show the same head."""
        return self.vectors_dir("brain") / "pairs.parquet"

    @property
    def compared_scans_path(self) -> Path:
        """The scans among which those pairs were looked for."""
        return self.vectors_dir("brain") / "compared.parquet"

    @property
    def prepared_distance_path(self) -> Path:
        """How far each scan lies from the others as networks see them: a column of the scored scans."""
        return self.vectors_dir("prepared") / "distances.parquet"

    @property
    def score_paths(self) -> tuple[Path, ...]:
        """All that scans with their scores are read from."""
        return (
            self.scans_path,
            self.scores_path,
            self.learned_path,
            self.prepared_distance_path,
            self.joined_columns_path,
        )

    @property
    def joined_dir(self) -> Path:
        """Tables of other tools that were joined to the scans."""
        return self.root / "joined"

    @property
    def joined_columns_path(self) -> Path:
        """Their numbers, a row a scan: columns of the scored scans."""
        return self.joined_dir / "columns" / "columns.parquet"

    @property
    def references_dir(self) -> Path:
        """References made from the workspace's own scans and ratings, and which one is active."""
        return self.root / "references"

    @property
    def references_lock_path(self) -> Path:
        """Lock of whoever writes the scores anew."""
        return self.references_dir / "lock"

    @property
    def active_reference_path(self) -> Path:
        """The references in use, by id."""
        return self.references_dir / "active.json"

    def reference_path(self, reference_id: str) -> Path:
        """Return the file of one of the workspace's own references."""
        return self.references_dir / f"{reference_id}.json"

    @property
    def cohorts_dir(self) -> Path:
        return self.root / "cohorts"

    def cohort_path(self, cohort_id: str) -> Path:
        """Return the header of a frozen cohort (JSON); its list (TSV) and its rule (YAML) lie beside it."""
        return self.cohorts_dir / f"{cohort_id}.json"

    @property
    def cache_dir(self) -> Path:
        """Prepared volumes, named by their content: may be deleted at any time."""
        return self.root / "cache"

    @property
    def studies_dir(self) -> Path:
        return self.root / "studies"

    @property
    def exports_dir(self) -> Path:
        return self.root / "exports"

    @property
    def derivatives_dir(self) -> Path:
        """Ratings as BIDS derivatives."""
        return self.exports_dir / "derivatives" / "tierscope"

    @property
    def defaced_dir(self) -> Path:
        """Images without faces."""
        return self.exports_dir / "defaced"

    @property
    def exported_cohorts_dir(self) -> Path:
        """Cohorts as lists of paths and as folders of links."""
        return self.exports_dir / "cohorts"

    @property
    def cohort_derivatives_dir(self) -> Path:
        """Cohorts as BIDS derivatives."""
        return self.derivatives_dir / "cohorts"

    @property
    def tasks_dir(self) -> Path:
        """State and log of background tasks other than studies (ingest, assess, demo)."""
        return self.root / "tasks"

    @property
    def assess_state_path(self) -> Path:
        """State of scoring while it runs."""
        return self.tasks_dir / "assess.json"

    @property
    def batches_dir(self) -> Path:
        """Plan, logs and Snakemake's own state of scoring in batches."""
        return self.tasks_dir / "assess-batches"

    @property
    def batches_lock_path(self) -> Path:
        """Lock of whoever scores in batches."""
        return self.batches_dir / "lock"

    @property
    def batches_plan_path(self) -> Path:
        """Plan of the batches, the configuration of their workflow."""
        return self.batches_dir / "plan.json"

    def batch_log_path(self, number: int) -> Path:
        """Return the log of one batch."""
        return self.batches_dir / f"batch-{number}.log"

    def batch_done_path(self, number: int) -> Path:
        """Return the file that says that one batch is finished."""
        return self.batches_dir / f"batch-{number}.done"

    def batch_slot_path(self, number: int) -> Path:
        """Return the lock of one of the batches that this machine runs at once."""
        return self.batches_dir / f"slot-{number}"

    @property
    def place_path(self) -> Path:
        """Where studies were last run, Slurm's settings included: what is offered the next time."""
        return self.root / "place.json"

    @property
    def turn_path(self) -> Path:
        """Lock of the study whose turn it is on this machine."""
        return self.tasks_dir / "turn.lock"

    @property
    def demo_images_dir(self) -> Path:
        """Simulated scans of the demo, the only images that live inside a workspace."""
        return self.root / "demo-images"

    @property
    def converted_dir(self) -> Path:
        """Images that were made of DICOM files, a folder a source."""
        return self.root / "converted"

    @property
    def dicom_series_path(self) -> Path:
        """The series of the DICOM folder that was looked at last, to be chosen from."""
        return self.tasks_dir / "dicom" / "series.json"

    def study_dir(self, study_id: str) -> Path:
        """Return the folder of one study; an id that is not a plain name is refused."""
        return self._inside(self.studies_dir, study_id)

    def preview_path(self, scan_id: str) -> Path:
        """Return where the thumbnail of one scan lies."""
        return self._inside(self.previews_dir, f"{scan_id}.png")

    @staticmethod
    def _inside(folder: Path, name: str) -> Path:
        if files.slug(name) != name:
            raise WorkspaceError(f"{name!r} is not a plain name (letters, digits, '-', '_', '.').")
        return folder / name
