"""The columns of exported ratings and overrides: what the files, their dictionary and the import share."""

from curation.tsv import INTEGER, JSON, KEYS, MOMENT, NUMBER, TRUTH, Column

RATING_COLUMNS: tuple[Column, ...] = (
    Column("scan_id", "The scan that was rated, as in the workspace.", required=True),
    Column("participant_id", "The person on the scan; not read when ratings are imported."),
    Column("bids_name", "The scan's file name without ending; not read when ratings are imported."),
    Column("rater", "Who rated.", required=True),
    Column("at", "When, in UTC.", MOMENT),
    Column("scale", "Name of the scale; the scales are in sessions.json.", required=True),
    Column("direction", "Whether a higher value is better or worse on this scale."),
    Column("value", "The rating.", NUMBER, required=True),
    Column("label", "The word for it; not read when ratings are imported."),
    Column("confidence", "How sure the rater was, 0 to 4.", NUMBER),
    Column("artefacts", "What was seen: MRIQC's keys and two more, with commas between.", KEYS),
    Column(
        "comment",
        "What was written; backslash, tab and line break have a backslash before, and what a "
        "spreadsheet would run has an apostrophe before.",
    ),
    Column("time_sec", "Time spent on the scan.", NUMBER, units="s"),
    Column("role", "rater, or adjudicator: the verdict on a scan that raters disagree on."),
    Column("rating_session", "Name of the rating session."),
    Column("position", "Place in the session's list, from 0.", INTEGER),
    Column(
        "repeat",
        "Whether the scan was shown a second time, hidden, to see if the rater agrees "
        "with himself.",
        TRUTH,
    ),
    Column("blinded", "Whether name, age, group, site and scores were hidden.", TRUTH),
    Column("seed", "Of the session's draw.", INTEGER),
    Column("shown", "What was on the screen.", JSON),
    Column("withdrawn", "When the rating was taken back, in UTC; it does not count then.", MOMENT),
    Column("origin", "The file from which the rating was imported, if it was."),
    Column("version", "Version of Tierscope that stored it."),
)

OVERRIDE_COLUMNS: tuple[Column, ...] = (
    Column("scan_id", "The scan whose tier was decided by hand.", required=True),
    Column("author", "Who decided.", required=True),
    Column("at", "When, in UTC.", MOMENT, required=True),
    Column("tier", "The tier; n/a gives the scan back to the rule."),
    Column("reason", "Why.", required=True),
    Column("version", "Version of Tierscope that stored it."),
)
