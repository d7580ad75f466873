"""The kind of an image is told by its name, and what cannot be told is not made up."""

import pytest

from curation.sources import image_modality, scan_names

NONE = "not told"
BIDS = {
    "T1w": "sub-01_T1w | sub-01_acq-mprage_rec-norm_run-2_T1w | sub-01_part-mag_T1w",
    "T1w-ce": "sub-01_ce-gadolinium_T1w | sub-01_acq-hi_ce-gd_run-1_T1w",
    "T1w-phase": "sub-01_part-phase_T1w",
    "T2w": "sub-01_T2w",
    "FLAIR": "sub-01_FLAIR",
    "PDw": "sub-01_PDw",
    "UNIT1": "sub-01_UNIT1",
    "MP2RAGE": "sub-01_inv-1_part-mag_MP2RAGE",
    "T1map": "sub-01_T1map",
    "pet": "sub-01_trc-18FFDG_pet",
    NONE: "sub-01_task-rest_bold | sub-01_dwi | sub-01",
}
LOOSE = {
    "T1w": "IXI012-HH-1211-T1_ds | 001_mprage | patient01_study1_T1W | T1-weighted | pd_001_T1"
    " | sub01_T2_T1w | t1_to_mni | GD_001_T1 | sub-GD_T1w | T1_pre_gd | t1_noGd | t1_without_contrast"
    " | T1_post | low_contrast_T1 | T1_cor | T1_C | gdansk_t1 | t1_center3",
    "T1w-ce": "001_T1_gd | 001_t1_mprage_Gd | BraTS19_t1ce | t1c | t1gd | T1+C | 001_T1_post-contrast"
    " | postcontrast_T1 | T1_post_gd_sag | t1_mKM | mprage_gad | 001_CE-T1 | sub-1_T1_Gd_T1w"
    " | 001_t1_contrast_enhanced",
    "T2w": "IXI0123-HH-9-T2 | T2_to_T1",
    "FLAIR": "flair_coreg_t1 | sub-01_space-T1w_FLAIR | t2_flair | T2FLAIR",
    "PDw": "IXI012-PD",
    "T1map": "t1map | mp2rage_T1_map",
    "UNIT1": "001_mp2rage_UNI_Images | uni_den",
    "MP2RAGE": "001_INV2 | mp2rage_inv1",
    "T2starw": "001_swi",
    "dwi": "001_dwi",
    "bold": "rest_bold",
    "pet": "001_PET_coreg_t1 | rpet_001 | sub01_pet_space-T1w",
    NONE: "scan | petersen | uni-koeln_001 | invasive | weird name (1) | memo",
}
TABLE = {
    "T1w": "T1w | t1 | MPRAGE | T1 weighted",
    "T1w-ce": "t1w-CE | T1 Gd",
    "FLAIR": "flair",
    "pet": "PET | pet | PT | FDG-PET | 18F-FDG PET | sub01_fdgpet",
    "CT": "CT",
    "my own": "my own",
    NONE: "MR | MRI | anat",
}


def _each(said: dict[str, str]) -> list[tuple[str, str | None]]:
    return [
        (name, None if kind == NONE else kind)
        for kind, names in said.items()
        for name in names.split(" | ")
    ]


@pytest.mark.parametrize(("name", "kind"), _each(BIDS))
def test_a_bids_name_tells_its_kind(name: str, kind: str | None) -> None:
    assert (
        image_modality.modality_of_bids_name(name.rsplit("_", 1)[-1], scan_names.entities(name))
        == kind
    )


@pytest.mark.parametrize(("name", "kind"), _each(LOOSE))
def test_a_loose_name_tells_its_kind(name: str, kind: str | None) -> None:
    assert image_modality.modality_of_file_name(name) == kind


@pytest.mark.parametrize(("said", "kind"), [*_each(TABLE), (None, None)])
def test_a_table_tells_its_kind_as_it_likes(said: str | None, kind: str | None) -> None:
    assert image_modality.modality_of_table(said) == kind


def test_readable_images_are_scored_if_they_are_what_was_asked_for() -> None:
    kinds = ("T1w", "T1w-ce", "FLAIR", "pet")
    statuses = ["ok", "other", "other", "pet"]
    assert [image_modality.status_of(kind, "T1w") for kind in kinds] == statuses
    assert image_modality.status_of("FLAIR", "FLAIR") == "ok"


def test_kinds_are_counted_in_words() -> None:
    assert image_modality.counts_in_words({"T2w": 2}) == "2 T2w"
    assert (
        image_modality.counts_in_words({"T2w": 2, "FLAIR": 1, "pet": 3})
        == "2 T2w, 1 FLAIR and 3 PET"
    )
