"""All actions by which something is decided, made or handed on, each with the least rank that may take it."""

import enum


class Rank(enum.IntEnum):
    """What somebody who is signed in may do; each may all that those before may."""

    VIEWER = 1
    RATER = 2
    CURATOR = 3
    ADMINISTRATOR = 4

    @property
    def word(self) -> str:
        """As it is written in settings and on the screen."""
        return self.name.lower()

    @property
    def one(self) -> str:
        """With its article."""
        return f"{'an' if self is Rank.ADMINISTRATOR else 'a'} {self.word}"


#: What each rank adds, for people.
MEANING: dict[Rank, str] = {
    Rank.VIEWER: "looks at scans, scores, tiers and results",
    Rank.RATER: "rates, and takes own ratings back",
    Rank.CURATOR: "decides: sources, rules, cohorts, studies; imports, exports, downloads",
    Rank.ADMINISTRATOR: "keeps the workspace: repair, backup, sharing, forgetting a person",
}


class Action(enum.Enum):
    """An action: its least rank, and what it is called after *may not* and *may*."""

    rank: Rank
    words: str

    def __new__(cls, rank: Rank, words: str) -> "Action":
        """Make a member of rank and words."""
        made = object.__new__(cls)
        made._value_ = words
        made.rank, made.words = rank, words
        return made

    RATE = Rank.RATER, "rate scans"
    TAKE_BACK = Rank.RATER, "take a rating back"
    TAKE_BACK_SESSION = Rank.RATER, "take a session back"
    UNBLIND = Rank.RATER, "show what a session hides"
    SAVE_LIST = Rank.RATER, "save a list of scans"
    TAG = Rank.RATER, "tag scans"
    END_SESSION = Rank.CURATOR, "end somebody else's session"
    ADJUDICATE = Rank.CURATOR, "settle a disputed rating"
    ADD_SCALE = Rank.CURATOR, "add a rating scale"
    SUGGEST_CUTOFF = Rank.CURATOR, "pass on a suggested cut-off"
    INGEST = Rank.CURATOR, "add or change sources of scans"
    SCORE = Rank.CURATOR, "start or stop the scoring"
    DECIDE_PEOPLE = Rank.CURATOR, "decide who is who"
    CHOOSE_REFERENCE = Rank.CURATOR, "make or choose what scans are scored by"
    SAVE_RULE = Rank.CURATOR, "save a tier rule"
    OVERRIDE = Rank.CURATOR, "give a scan a tier by hand"
    FREEZE = Rank.CURATOR, "freeze a cohort"
    IMPORT_RATINGS = Rank.CURATOR, "import ratings"
    EXPORT_RATINGS = Rank.CURATOR, "export ratings"
    EXPORT_COHORT = Rank.CURATOR, "export a cohort"
    DEFACE = Rank.CURATOR, "write images without faces"
    DOWNLOAD = Rank.CURATOR, "download tables"
    PLAN_STUDY = Rank.CURATOR, "plan a study"
    LAUNCH = Rank.CURATOR, "start a study"
    STOP = Rank.CURATOR, "stop a study"
    RETRY = Rank.CURATOR, "do runs of a study again"
    MARK_STUDY = Rank.CURATOR, "tag, note or archive a study"
    LOOK_THROUGH_MODEL = Rank.CURATOR, "compute what a model sees"
    WRITE_REPORT = Rank.CURATOR, "write a report"
    EXPORT_NETWORK = Rank.CURATOR, "export a network"
    BACK_UP = Rank.ADMINISTRATOR, "back up or restore the workspace"
    REPAIR = Rank.ADMINISTRATOR, "repair the workspace"
    FORGET = Rank.ADMINISTRATOR, "have a person forgotten"
    SHARE = Rank.ADMINISTRATOR, "share the workspace with other accounts"
    ADOPT = Rank.ADMINISTRATOR, "tie the workspace to another database"
