"""Bias field by N4 on a coarse grid, as MRIQC measures it.

The field that is divided out before other metrics is fitted together with the tissues, see
:mod:`curation.imaging.tissue_segmentation`.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: Every fourth point of the 2 mm grid: the field is far smoother than that.
_EVERY = 4
_ITERATIONS = (50, 50, 50, 50)


def n4_field(data: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Estimate the bias field inside a mask (N4, Tustison et al., IEEE TMI 29 (2010) 1310–1320).

    Parameters
    ----------
    data : array of float32, shape (X, Y, Z)
        Intensity on a 2 mm grid, averaged.
    inside : array of bool, shape (X, Y, Z)
        The brain.

    Returns
    -------
    array of float32, shape (N,)
        The field at every fourth point of the grid inside the brain, scaled so that the corrected brain keeps
        its range of intensity, as ANTs does with ``--rescale-intensities``; empty where there is no brain.
    """
    import SimpleITK as sitk

    where = np.argwhere(inside)
    if not len(where):
        return np.zeros(0, dtype=np.float32)
    box = tuple(
        slice(max(0, int(low) - 2), int(high) + 3)
        for low, high in zip(where.min(axis=0), where.max(axis=0), strict=True)
    )
    part = np.ascontiguousarray(data[box][::_EVERY, ::_EVERY, ::_EVERY])
    brain = inside[box][::_EVERY, ::_EVERY, ::_EVERY] & (part > 0)
    if min(part.shape) < 4 or brain.sum() < 100 or np.ptp(part[brain]) == 0:
        return np.zeros(0, dtype=np.float32)
    image, mask = (
        sitk.GetImageFromArray(array.transpose(2, 1, 0)) for array in (part, brain.astype(np.uint8))
    )
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    method = sitk.N4BiasFieldCorrectionImageFilter()
    method.SetMaximumNumberOfIterations(_ITERATIONS)
    method.Execute(image, mask)
    logs = sitk.GetArrayFromImage(method.GetLogBiasFieldAsImage(image)).transpose(2, 1, 0)[brain]
    field = np.exp(np.clip(logs, -10, 10))
    corrected = part[brain] / field
    return np.asarray(field * np.ptp(corrected) / np.ptp(part[brain]), dtype=np.float32)
