"""A metric, as it is written into the file of its family."""

from curation.errors import NotMeasurable
from curation.metrics.registry import metric
from curation.metrics.scan_context import Scan


@metric(
    "dead_share",
    "Voxels without signal",
    "contrast",
    "higher is worse",
    unit="share of the image",
    formula="share of voxels that are exactly 0",
    meaning="How much of the image holds nothing, as after masking or a lost channel.",
)
def dead_share(scan: Scan) -> float:
    """Return the share of voxels that are 0; not measurable in an image that is 0 all over."""
    data = scan.volume.data
    if not data.any():
        raise NotMeasurable("the image is empty")
    return float((data == 0).mean())
