"""Whether scores are right: dose and response on artefacts, experts' ratings, clean scans and lesions.

``make bench-validity``; takes about an hour on two cores. The last line is one JSON object.
"""

import json
import sys

from tests.benchmarks import anatomy, dose, experts, moved_heads


def main(arguments: list[str]) -> int:
    """Run all, print their tables, then the figures of all; 1 where the data are absent."""
    tables = dose.DATA.parent / "iqm"
    abide, ds030 = (tables / f"{name}_iqm_rating_age.csv" for name in ("abide", "ds030"))
    if not abide.exists() or not dose.DATA.exists():
        print(f"no scans or tables below {dose.DATA.parent}: nothing measured")
        return 1
    of_experts = experts.figures(abide, ds030)
    of_heads = moved_heads.figures(sorted(moved_heads.DATA.glob("*.nii.gz")))
    of_artefacts = dose.report(arguments)
    of_anatomy = anatomy.report([])
    print(json.dumps(of_artefacts | of_experts | of_heads | of_anatomy))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
