"""Geometry metrics: agreement of the head's shape with the template's."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from curation.errors import NotMeasurable
from curation.imaging import morphology
from curation.imaging.registered_grid import GRID_MM
from curation.imaging.template import template
from curation.metrics.registry import Point, metric, place_of
from curation.metrics.scan_context import Scan

#: Log of how much larger than people the template is, along x, y and z: medians of the clean scans.
USUAL_LOG_SCALE = np.array([0.125, 0.085, 0.14])
_MIN_BRAIN_VOXELS = 3000


def scales_and_shears(matrix: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
    """Split a linear map into a rotation, three scales and three shears (xy, xz, yz)."""
    _, upper = np.linalg.qr(matrix[:3, :3])
    scales = np.abs(np.diag(upper))
    unit = upper / np.diag(upper)[:, None]
    return scales, np.array([unit[0, 1], unit[0, 2], unit[1, 2]])


@metric(
    "stretch",
    "Stretch",
    "geometry",
    "higher is worse",
    unit="natural log",
    formula="largest difference between the axes of log(scale to the template), the usual taken off",
    meaning="Whether the head is longer or flatter than heads are, as after a wrong slice distance.",
)
def stretch(scan: Scan) -> float:
    scales, _ = scales_and_shears(scan.masks.grid_to_template)
    return float(np.ptp(np.log(scales) - USUAL_LOG_SCALE))


@metric(
    "shear",
    "Shear",
    "geometry",
    "higher is worse",
    unit="mm per mm",
    formula="largest shear of the affine to the template",
    meaning="Whether the head leans as if its slices had slid over each other.",
)
def shear(scan: Scan) -> float:
    return float(np.abs(scales_and_shears(scan.masks.grid_to_template)[1]).max())


@metric(
    "size_deviation",
    "Unusual size",
    "geometry",
    "higher is worse",
    unit="natural log",
    formula="|mean log(scale to the template) − the usual|",
    meaning="Whether the head is far smaller or larger than heads are, as after a wrong voxel size.",
)
def size_deviation(scan: Scan) -> float:
    scales, _ = scales_and_shears(scan.masks.grid_to_template)
    return abs(float(np.mean(np.log(scales) - USUAL_LOG_SCALE)))


@metric(
    "template_agreement",
    "Agreement with the template",
    "geometry",
    "higher is better",
    unit="correlation",
    formula="correlation of brightness (shading taken out, averaged over 6 mm) with the template, in "
    "and 4 mm around the brain",
    meaning="Whether the brain has the template's shape, after the best straight fit.",
    needs=("tissues", "t1w"),
)
def template_agreement(scan: Scan) -> float:
    near = scan.masks.signed_distance_mm > -4
    inside = near & scan.masks.valid_slices
    if inside.sum() < _MIN_BRAIN_VOXELS:
        raise NotMeasurable("too little of the brain is in view")
    flat = np.minimum(scan.masks.data / np.exp(scan.masks.log_bias_field), 1.5 * scan.wm_mean)
    one, two = (
        ndimage.uniform_filter(part, 3)[inside] for part in (flat, scan.masks.template_intensity)
    )
    return _correlation(one, two)


def _correlation(one: NDArray, two: NDArray) -> float:
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        raise NotMeasurable("the brain shows one brightness only")
    return float(np.corrcoef(one, two)[0, 1])


@metric(
    "mirror_agreement",
    "Left–right symmetry",
    "geometry",
    "higher is better",
    unit="correlation",
    formula="correlation of the brain (shading taken out, averaged over 6 mm) with its mirror image about "
    "the template's middle plane",
    meaning="Whether the two halves of the brain match; a warped image is bent on one side.",
    needs=("tissues",),
)
def mirror_agreement(scan: Scan) -> float:
    maps = template(4)
    where = np.nonzero(maps.signed_distance_mm > -4)
    world = np.stack([*where, np.ones(len(where[0]))]).T @ maps.affine.T
    right = world[world[:, 0] > 3]
    flat = np.minimum(scan.masks.data / np.exp(scan.masks.log_bias_field), 1.5 * scan.wm_mean)
    smooth = ndimage.uniform_filter(flat, 3)
    pairs, seen = [], np.ones(len(right), dtype=bool)
    to_grid = np.linalg.inv(scan.masks.grid_to_template)[:3] / GRID_MM
    for side in (1.0, -1.0):
        index = to_grid @ (right * [side, 1, 1, 1]).T
        near = np.clip(np.round(index).astype(int), 0, np.array(smooth.shape)[:, None] - 1)
        seen &= (np.abs(index - near).max(axis=0) <= 0.6) & scan.masks.valid_slices[tuple(near)]
        pairs.append(ndimage.map_coordinates(smooth, index, order=1, mode="nearest"))
    if seen.sum() < 1000:
        raise NotMeasurable("too little of both halves of the brain is in view")
    return _correlation(pairs[0][seen], pairs[1][seen])


@metric(
    "voxel_anisotropy",
    "Voxel anisotropy",
    "geometry",
    "higher is worse",
    unit="ratio",
    formula="longest voxel edge / shortest voxel edge",
    meaning="How far from cubes the voxels are; thick slices hide detail along one axis.",
)
def voxel_anisotropy(scan: Scan) -> float:
    return max(scan.volume.spacing_mm) / min(scan.volume.spacing_mm)


@metric(
    "orientation_missing",
    "Orientation missing",
    "geometry",
    "higher is worse",
    unit="0 or 1",
    formula="1 where the header gives neither sform nor qform, else 0",
    meaning="Whether left and right have to be taken on trust.",
)
def orientation_missing(scan: Scan) -> float:
    return 0.0 if scan.volume.orientation else 1.0


@metric(
    "head_turn",
    "Turn of the head",
    "geometry",
    "higher is worse",
    unit="degrees",
    formula="angle of the rotation between the header's axes and the template's",
    meaning="How far the head is turned from where the header puts it; 60° and more is a wrong header.",
)
def head_turn(scan: Scan) -> float:
    left, _, right = np.linalg.svd(scan.masks.template_affine[:3, :3])
    cosine = (float(np.trace(left @ right)) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


@metric(
    "template_similarity",
    "Similarity to the template",
    "geometry",
    "describes the acquisition",
    unit="nats",
    formula="mutual information of scan and template over the brain (32 levels of brightness each) "
    "· share of it in view",
    meaning="How well the scan lies on the template; where it is low, the alignment and all that rests on it "
    "are in doubt. Noise and another contrast lower it, too.",
    citation="mutual information: Maes et al., IEEE Trans Med Imaging 16 (1997) 187–198",
)
def template_similarity(scan: Scan) -> float:
    return scan.masks.similarity


@metric(
    "cavity_volume",
    "CSF in the place of tissue",
    "geometry",
    "describes the acquisition",
    unit="ml",
    formula="volume of parts of fluid of 5 ml and more where the template has tissue, with 4 mm around",
    meaning="How much of the brain is fluid: after a stroke or a resection, a cyst, or wide ventricles.",
    needs=("tissues", "t1w"),
)
def cavity_volume(scan: Scan) -> float:
    return float(scan.masks.cavities.sum()) * GRID_MM**3 / 1000


@place_of("cavity_volume", "largest CSF-like region")
def cavity_place(scan: Scan) -> Point | None:
    return morphology.middle(scan.masks.cavities)
