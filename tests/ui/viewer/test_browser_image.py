"""Images as browsers get them: what of a file goes along."""

from pathlib import Path

import nibabel as nib
import numpy as np

from curation.imaging import volumes
from pages.ui.viewer import browser_image

TEXTS = ("descrip", "aux_file", "intent_name", "db_name")


def test_no_text_of_a_header_reaches_the_browser(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.arange(1000, dtype=np.int16).reshape(10, 10, 10), np.eye(4))
    for name in TEXTS:
        image.header[name] = b"MUELLER"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"MUELLER HANS 1943"))
    nib.save(image, tmp_path / "scan.nii")
    assert (tmp_path / "scan.nii").read_bytes().count(b"MUELLER") == len(TEXTS) + 1
    browser_image.write(tmp_path / "shown.nii", volumes.load(tmp_path / "scan.nii"))
    shown = (tmp_path / "shown.nii").read_bytes()
    assert len(shown) > 352
    assert b"MUELLER" not in shown
