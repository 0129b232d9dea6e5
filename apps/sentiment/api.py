"""What the sentiment classifier's endpoints answer with."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Annotated

import gradio as gr
from pydantic import Field
from typing_extensions import TypedDict

from apps.sentiment.files import classify_table, open_table
from apps.server.batching import Batcher
from apps.server.models import LazyTask
from apps.ui.uploads import check_text
from seqcore.validation import check_number

if TYPE_CHECKING:
    from seqcore.tasks.sentiment import Sentiment, SentimentClassifier

MAX_TEXT_CHARS = 40_000
UNSURE_BELOW = 0.6
_SHORT = 1_000  # Characters of a text that is soon explained.
Probability = Annotated[float, Field(ge=0, le=1)]


class Classified(TypedDict):
    """What `/classify` gives."""

    label: str
    probabilities: dict[str, float]
    unsure: bool
    out_of_domain: bool
    characters_cut: int


class ExplainedSentiment(Classified):
    """What `/explain_sentiment` gives."""

    tokens: list[str]
    attributions: list[float]
    baseline: float
    logit: float
    trajectory: list[list[float]]


class API:
    """The endpoints; concurrent calls are worked on together."""

    def __init__(self, load: "LazyTask[SentimentClassifier]") -> None:
        self.load = load
        self._batcher: Batcher[str, Sentiment] = Batcher(self._classify_all)
        # Explaining takes seconds and all of the processor: one text at a time, but no short one waits for a long.
        self._explain_short: Batcher[str, Sentiment] = Batcher(self._explain_all, max_together=1)
        self._explain_long: Batcher[str, Sentiment] = Batcher(self._explain_all, max_together=1)

    def classifier(self) -> "SentimentClassifier":
        """The task. Raises `CheckpointError` when there is none, or one of another kind."""
        return self.load.require("classify", "classifier")

    def labels(self) -> list[str]:
        """Tell which labels the model knows.

        Returns:
            the names of its classes.
        """
        return list(self.classifier().config.labels)

    def classify(self, text: str, unsure_below: Probability = UNSURE_BELOW) -> Classified:
        """Tell how a text is meant, such as positive or negative: its label, and the probability of each label.

        Args:
            text: what to classify, 40,000 characters at most.
            unsure_below: a label of lower probability is called unsure, 0 to 1, by default 0.6.

        Returns:
            label is the likeliest label, probabilities has the calibrated probability of each, unsure says whether the
            label's is low, out_of_domain whether the text is in no language that the model has learned or has no words,
            and characters_cut how many characters at the end were not read.
        """
        return _record(self.sentiment(text, unsure_below))

    def explain_sentiment(self, text: str, unsure_below: Probability = UNSURE_BELOW) -> ExplainedSentiment:
        """Tell how a text is meant, and why: what each word adds, and how the verdict moves from word to word.

        Args:
            text: what to classify, 40,000 characters at most; of more than about 4,000, words are not weighed.
            unsure_below: a label of lower probability is called unsure, 0 to 1, by default 0.6.

        Returns:
            what classify gives; tokens are the words with their blanks, which together are the text, attributions what
            each adds to the log-odds of the likeliest label, logit is those log-odds, baseline what they are without
            any word, and trajectory has the probabilities after each word, in the order of the labels.
        """
        result = self.explain(text, unsure_below).result()
        return {
            **_record(result),
            "tokens": list(result.tokens),
            "attributions": list(result.attributions),
            "baseline": result.baseline,
            "logit": result.logit,
            "trajectory": [list(step) for step in result.trajectory],
        }

    def classify_file(
        self,
        file: str,
        column: str = "",
        unsure_below: Probability = UNSURE_BELOW,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[str]:
        """Classify every row of a table, or every line of a text file.

        Args:
            file: a table, also of JSON, or a text file in UTF-8, 10 MB at most; its first row names the columns.
            column: the name of the column that holds the texts; by default the one called text, or the only one.
            unsure_below: a label of lower probability is called unsure, 0 to 1, by default 0.6.

        Returns:
            a file that is written as the table is (JSON as lines, a text file's as CSV), named like
            reviews.classified.csv, with the same columns and label, probability, probability_NAME for each label,
            unsure, out_of_domain and characters_cut. Cells that a spreadsheet would run as a formula begin with an
            apostrophe.
        """
        check_band(unsure_below)
        for step in classify_table(self.classifier(), open_table(file), column or None, unsure_below):
            progress((step.done, step.total), unit="rows")
            yield from step.files

    def sentiment(self, text: str, unsure_below: float) -> "Sentiment":
        """The answer for one text. Raises `InputError` for what is no text or too long."""
        self._check(text, unsure_below)
        self.classifier()  # a checkpoint that is not there is one caller's error at a time
        return self._batcher(text, unsure_below=unsure_below)

    def explain(self, text: str, unsure_below: float) -> "Future[Sentiment]":
        """The answer to come, explained, which can be cancelled until its turn comes. Raises as `sentiment` does."""
        self._check(text, unsure_below)
        self.classifier()
        batcher = self._explain_short if len(text) <= _SHORT else self._explain_long
        return batcher.submit(text, unsure_below=unsure_below)

    def _check(self, text: object, unsure_below: object) -> None:
        check_text(text, MAX_TEXT_CHARS, "Classify it in parts, or as a file.")
        check_band(unsure_below)

    def _classify_all(self, texts: Sequence[str], unsure_below: float) -> "list[Sentiment]":
        return self.classifier().classify(list(texts), unsure_below=unsure_below)

    def _explain_all(self, texts: Sequence[str], unsure_below: float) -> "list[Sentiment]":
        return self.classifier().classify(list(texts), explain=True, unsure_below=unsure_below)


def check_band(value: object) -> None:
    """Raises `InputError` for what is no probability."""
    check_number("What counts as unsure", value, 0, 1)


def _record(result: "Sentiment") -> Classified:
    return {
        "label": result.label,
        "probabilities": dict(result.probabilities),
        "unsure": result.unsure,
        "out_of_domain": result.out_of_domain,
        "characters_cut": result.characters_cut,
    }
