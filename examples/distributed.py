"""Answer Parquet files on a cluster, with Ray Data: one actor a core, each with the model in its memory.

    python examples/distributed.py checkpoints/sentiment reviews answers --columns '{"text": "review"}' --workers 32

Without `--address` a Ray is started for this machine alone. Of a row that cannot be answered the column `error` says
why. docs/scale.md says what to expect, and when it is worth it.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from seqcore.errors import require
from seqcore.runtime import Predictor


def answer(checkpoint: str, source: str, output: str, options: dict, workers: int, batch_size: int, address=None):
    """Write the rows of Parquet files with their answers; options are those of `Predictor`."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray tells nobody that it was used.
    ray = require("ray", "working on a cluster needs", "ray")
    require("ray.data", "working on a cluster needs", "ray")
    # An actor keeps its core for good, so reading and writing need one that no actor has.
    local = {"num_cpus": workers + 1, "include_dashboard": False, "object_store_memory": 500_000_000}
    ray.init(address, **({} if address else local))
    try:
        # However few files there are, each actor gets its share, and none waits long for the last one.
        rows = ray.data.read_parquet(source).repartition(target_num_rows_per_block=batch_size)
        answered = rows.map_batches(
            Predictor,
            fn_constructor_kwargs={"checkpoint": checkpoint, **options},
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=1,
            batch_size=batch_size,
            batch_format="pyarrow",
        )
        answered.write_parquet(output, min_rows_per_file=20 * batch_size)
    finally:
        ray.shutdown()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="folder that every machine has there, or hub id")
    parser.add_argument("input", help="Parquet file or folder of them, on a disk that all share, or s3://…")
    parser.add_argument("output", help="a new folder of the same kind, for a Parquet file of each block")
    parser.add_argument("--columns", type=json.loads, default={}, help="names of columns, as in the example above")
    parser.add_argument(
        "--options", type=json.loads, default={}, help='of predict: \'{"source": "en", "target": "de"}\''
    )
    parser.add_argument("--workers", type=int, default=2, help="actors, fewer than there are cores (default: 2)")
    parser.add_argument("--batch-size", type=int, default=512, help="rows that an actor is given at once")
    parser.add_argument("--address", help="of a cluster: auto on one of its machines, or ray://…")
    chosen = parser.parse_args(arguments)
    places = [chosen.checkpoint, chosen.input, chosen.output]
    checkpoint, source, output = (str(Path(one).absolute()) if Path(one).exists() else one for one in places)
    if "://" not in output:
        output = str(Path(output).absolute())
        if Path(output).exists():
            parser.error(f"{output} is there: name a new folder")
    options = {"columns": chosen.columns, **chosen.options}
    answer(checkpoint, source, output, options, chosen.workers, chosen.batch_size, chosen.address)
    print(f"The answers are in {output}")


if __name__ == "__main__":
    main()
