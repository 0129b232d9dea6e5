"""Do probabilities mean what they say? python -m benchmarks.calibration checkpoints/sentiment DATA --output FILE.svg

Prints the scores and the bins of a reliability diagram (Guo 2017) as tables, and draws it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import seqcore
from seqcore.data import read_rows
from seqcore.metrics import reliability
from seqcore.tasks.sentiment import SentimentClassifier


def draw(bins: Sequence[tuple[int, float, float]], file: Path) -> None:
    """A bar for each bin: its accuracy, beside the diagonal that would be perfect."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 3.2), layout="constrained")
    axes = figure.subplots()
    width = 1 / len(bins)
    axes.bar([width * (i + 0.5) for i in range(len(bins))], [right for _, _, right in bins], width, edgecolor="white")
    axes.plot([0, 1], [0, 1], "--", color="black", linewidth=1)
    axes.set(xlim=(0.45, 1), ylim=(0, 1), xlabel="probability of the label", ylabel="how often it is right")
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("data", help="CSV, TSV, JSON lines or Parquet file with the columns text and label")
    parser.add_argument("--output", type=Path, help="where to draw the diagram")
    options = parser.parse_args()
    classifier = seqcore.load(options.checkpoint)
    if not isinstance(classifier, SentimentClassifier) or classifier.config.multi_label:
        parser.error(f"{options.checkpoint} holds no classifier of single labels")
    rows = read_rows(options.data, classifier.fields)
    results = classifier.predict([row["text"] for row in rows])
    for name, value in classifier.compute_metrics(results, rows).items():
        print(f"{name}: {value:.2f}" if isinstance(value, float) else f"{name}: {value}")
    for name, count in (
        ("unsure", sum(result.unsure for result in results)),
        ("out of domain", sum(result.out_of_domain for result in results)),
        ("cut", sum(result.characters_cut > 0 for result in results)),
    ):
        print(f"{name}: {count:,} of {len(results):,}")
    labels = [int(classifier.class_number(row["label"])) for row in rows]  # type: ignore[arg-type]
    bins = reliability(
        [[result.probabilities[name] for name in classifier.config.labels] for result in results], labels
    )
    print("\n| texts | probability | right |\n|--:|--:|--:|")
    for count, sure, right in bins:
        if count:
            print(f"| {count:,} | {sure:.1%} | {right:.1%} |")
    if options.output:
        draw(bins, options.output)


if __name__ == "__main__":
    main()
