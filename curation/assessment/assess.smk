# Scoring in batches: batch (1 … N) → gather. Started by curation/assessment/snakemake_batches.py, which writes the plan.
# Paths are relative to the folder of batches in the workspace, so that no character of its path matters.
# Each batch measures only what is due, so a batch that is started again does only what is left.
import sys
from pathlib import Path

PROJECT = str(Path(workflow.basedir).parents[1])
#: Python and Tierscope's options; functions, since braces in a plain text are taken for wildcards.
COMMON = dict(
    project=lambda wildcards: PROJECT,
    python=lambda wildcards: sys.executable,
    workspace=lambda wildcards: config["workspace"],
)
ASSESS = (
    "here=$PWD; cd {params.project:q} && "
    "exec {params.python:q} -m curation assess --workspace {params.workspace:q} "
)


localrules:
    gather,


rule gather:
    input:
        expand("batch-{number}.done", number=config["due"]),
    output:
        touch("gather.done"),
    log:
        "gather.log",
    params:
        **COMMON,
    shell:
        ASSESS + '--gather >> "$here"/{log:q} 2>&1'


rule batch:
    output:
        touch("batch-{number}.done"),
    log:
        "batch-{number}.log",
    wildcard_constraints:
        number="[0-9]+",
    params:
        **COMMON,
        batch=lambda wildcards: f"{wildcards.number}/{config['batches']}",
        slots=config["slots"],
        again="--retry" if config["again"] else "",
    threads: config["jobs"]
    resources:
        mem_mb=config["jobs"] * config["mem_mb"],
        runtime=config["minutes"],
    shell:
        ASSESS + "--batch {params.batch} --jobs {threads} --slots {params.slots} {params.again} "
        '>> "$here"/{log:q} 2>&1'
