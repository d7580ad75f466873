"""The comparison: how often its intervals hold, and how fast its page is. The last line is one JSON object.

``first_plot_s``
    From a click on Compare, on a server and in a browser that have not seen it, to the first figure, of a
    study of 300 fine-tunings (and 55 pretrainings) of 200 epochs each; median.
``curves_s``
    From a click on Curves to all lines.
``filter_ms``
    From a chosen arm to the redrawn curves; median.
``…_cpu_s, …_cpu_ms``
    Processor time of server and browser over the same span, on all cores.
``coverage``
    Share of 95 % intervals, of arms' errors and of differences, that hold the true value, over 1,000
    simulated studies.
``false_positive_rate``
    Share of differences that are none with a p-value of at most 0.05, over the same studies.
"""

import json
import shutil

from tests.benchmarks import compare_page, coverage

if __name__ == "__main__":
    found: dict[str, float] = dict(coverage.figures())
    if shutil.which("chromium"):
        found |= compare_page.figures()
    else:
        print("no Chromium on this machine: the page is not measured")
    print(json.dumps(found))
