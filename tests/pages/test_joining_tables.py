"""Cohort, Explore and Tiers: a table of another tool is joined, plotted and cut on."""

from curation.sources import joined_tables
from curation.storage import tables
from pages.ui.shell import state
from tests.helpers.page_words import button, checked, words

OTHER = {state.SOURCE_KIND: "other"}


def _write(own, tmp_path, *, unknown: int = 0) -> str:
    scans = tables.read_scans(own).query("role == 'pool' and status == 'ok'")
    rows = [f"{scan},{number / 10},{number}" for number, scan in enumerate(scans["scan_id"])]
    rows += [f"nobody-{number},1,1" for number in range(unknown)]
    path = tmp_path / "motion.csv"
    path.write_text("\n".join(["scan_id,mm,frames", *rows]) + "\n")
    return str(path)


def _path(page):
    return next(one for one in page.text_input if one.label == "Path of the table on this machine")


def test_a_table_is_joined_on_the_page_and_what_is_not_known_is_said(own, tmp_path, run) -> None:
    page = run("cohort", own, **OTHER)
    checked(_path(page).set_value(_write(own, tmp_path, unknown=7)).run())
    assert "2 columns of numbers: mm, frames" in words(page)
    (worse,) = (one for one in page.multiselect if one.label == "The higher, the worse the scan")
    checked(worse.set_value(["mm"]).run())
    checked(button(page, "Join the table").click().run())
    said = words(page)
    assert "7 of its ids are not known here: nobody-0, nobody-1" in said.replace("\\", "")
    assert "motion: 24 of 31 rows joined 24 scans, 2 columns. 7 rows joined nothing." in said
    assert not page.success
    assert joined_tables.names(own) == ["motion"]
    tiers = run("tiers", own)
    columns = tiers.selectbox(key=state.COLUMN)
    assert "motion: mm" in columns.options and "motion: frames" not in columns.options
    checked(columns.select("worse.motion.mm").run())
    assert "motion: mm" in words(tiers)
    explore = run("explore", own)
    assert "motion: frames" in explore.selectbox(key=state.AGAINST).options
    checked(explore.selectbox(key=state.AGAINST).select("told.motion.frames").run())
    page = run("cohort", own, **OTHER)
    checked(button(page, "Take out").click().run())
    assert joined_tables.names(own) == []
    checked(run("tiers", own))


def test_a_table_that_cannot_be_joined_is_refused_in_words(own, tmp_path, run) -> None:
    page = run("cohort", own, **OTHER)
    checked(_path(page).set_value("/not/there.csv").run())
    assert "There is no table at /not/there" in page.error[0].value.replace("\\", "")
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    checked(_path(page).set_value(str(tmp_path / "odd.csv")).run())
    assert "names neither scans nor people" in page.error[0].value
    (tmp_path / "commas.tsv").write_text("id\tb\tc\nnobody\t2\t1,020\n")
    checked(_path(page).set_value(str(tmp_path / "commas.tsv")).run())
    assert "1 column of numbers: b" in words(page)
    assert "a comma in their numbers" in page.warning[0].value and not page.error
    (tmp_path / "strangers.csv").write_text("id,b\nnobody,2\n")
    checked(_path(page).set_value(str(tmp_path / "strangers.csv")).run())
    checked(button(page, "Join the table").click().run())
    assert "None of the 1 ids" in page.error[0].value
    assert joined_tables.names(own) == []


def test_without_scans_there_is_nothing_to_join_to(workspace, run) -> None:
    page = run("cohort", workspace, **OTHER)
    assert "Add images first" in page.info[0].value
