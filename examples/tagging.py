"""A task of your own: words in, a tag for each out, of whole sentences or word by word while they are said.
python examples/tagging.py tagger                            # trains for some seconds and saves the model
cd examples; echo "the fish can swim" | seqcore --import tagging predict ../tagger
"""

import random
import sys
from dataclasses import dataclass

import torch
from torch import nn

import seqcore
from seqcore.errors import numbered

# What a word is depends on those before it: "they can fish", "the fish can swim".
PATTERNS = ("DET NOUN VERB", "DET NOUN AUX VERB", "PRON AUX VERB", "PRON VERB DET NOUN", "PRON AUX VERB DET ADJ NOUN")
WORDS = {"DET": "the a", "ADJ": "old", "NOUN": "fish can dog", "AUX": "can", "PRON": "they we", "VERB": "fish swim"}


def sentences(count, rng):  # rows of data, as a CSV file with these two columns would hold them
    rows = [(tags, [rng.choice(WORDS[tag].split()) for tag in tags.split()]) for tags in rng.choices(PATTERNS, k=count)]
    return [{"text": " ".join(words), "tags": tags} for tags, words in rows]


@dataclass(frozen=True)
class TaggerConfig:  # what config.json holds: all that is needed to build the network again
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    hidden_size: int = 32


class Tagger(seqcore.Task):  # its name makes it known to seqcore.load and to the command line
    name, Config, fields, monitor = "tagging", TaggerConfig, {"text": str, "tags": str}, ("exact_match", "max")

    def __init__(self, config):
        self.config, size = config, config.hidden_size
        layers = {"embedding": nn.Embedding(len(config.words) + 1, size), "encoder": seqcore.LSTMEncoder(size, size)}
        self.network = nn.ModuleDict({**layers, "output": nn.Linear(size, len(config.tags))})

    @classmethod
    def create(cls, config, rows):
        words, tags = (tuple(sorted({one for row in rows for one in row[field].split()})) for field in cls.fields)
        return cls(TaggerConfig(words, tags, config.hidden_size))

    def logits(self, words, lengths=None, state=None):  # (B, S) → (B, S, tags), and the state to pass on
        memory = self.network["encoder"](self.network["embedding"](words), lengths, state)
        return self.network["output"](memory.values), memory.state

    def numbers(self, text, names):  # (S,), -1 for what is no such name
        if not isinstance(text, str):
            raise seqcore.InputError(f"a text must be a string, not {type(text).__name__}")
        return torch.tensor([names.index(one) if one in names else -1 for one in text.split()], dtype=torch.long)

    def example(self, row):  # a row in numbers; how long it is decides with which others it shares a batch
        words, tags = self.numbers(row["text"], self.config.words) + 1, self.numbers(row["tags"], self.config.tags)
        if len(words) != len(tags) or -1 in tags:
            raise seqcore.InputError(f"each word needs one of the tags {', '.join(self.config.tags)}")
        return {"words": words, "tags": tags}

    def collate(self, examples):
        padded = {key: nn.utils.rnn.pad_sequence([one[key] for one in examples], True) for key in examples[0]}
        return {**padded, "lengths": torch.tensor([len(one["words"]) for one in examples])}

    def loss(self, batch, state=None):  # summed, and over how many words
        real = torch.arange(batch["words"].shape[1], device=self.device) < batch["lengths"][:, None]
        logits = self.logits(batch["words"], batch["lengths"])[0][real]
        return seqcore.Loss(nn.functional.cross_entropy(logits, batch["tags"][real], reduction="sum"), len(logits))

    def predict(self, inputs):  # an option here, such as `*, beam_size: int = 5`, would be a flag of `seqcore predict`
        results = []
        for place, text in enumerate(inputs):
            with numbered(place, len(inputs)), torch.inference_mode():  # an InputError then says which text it is about
                best = self.logits(self.numbers(text, self.config.words).to(self.device)[None] + 1)[0][0].argmax(-1)
            results.append([(word, self.config.tags[tag]) for word, tag in zip(text.split(), best, strict=True)])
        return results

    @torch.inference_mode()
    def step(self, word, state=None):  # the next word of a stream → its tag, and the state to pass on
        logits, state = self.logits(self.numbers(word, self.config.words).to(self.device)[None] + 1, state=state)
        return self.config.tags[logits[0, -1].argmax()], state

    def to_text(self, result):
        return " ".join(f"{word}/{tag}" for word, tag in result)

    def to_dict(self, result):
        return {"words": [word for word, _ in result], "tags": [tag for _, tag in result]}

    def compute_metrics(self, predictions, rows):
        right = [[tag for _, tag in one] == row["tags"].split() for one, row in zip(predictions, rows, strict=True)]
        return {"exact_match": 100 * sum(right) / len(right)}


if __name__ == "__main__":
    train, validation = sentences(400, random.Random(1)), sentences(100, random.Random(2))
    settings = seqcore.TrainingSettings(epochs=5, batch_tokens=200, learning_rate=1e-2, warmup_steps=10, average=1)
    seqcore.fit(Tagger.create(TaggerConfig(), train), train, validation, settings, output=sys.argv[1])
    tagger = seqcore.load(sys.argv[1], Tagger)
    print(*map(tagger.to_text, tagger.predict(["the fish can swim", "they can fish"])), sep="\n")
