"""Every verb with what it takes and what must hold of what it gives: for any input a result, or our own error."""

import atexit
import functools
import io
import json
import math
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from generated_inputs import (
    anything,
    arrays,
    caption_lists,
    changed,
    generation,
    image_files,
    mostly,
    options,
    runs,
    tables,
    texts,
)
from hypothesis import strategies as st

import seqcore
from seqcore.errors import SeqcoreError
from seqcore.text.tokenizer import replace_invalid_unicode

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
Inputs = tuple[Any, dict[str, Any]]


@dataclass(frozen=True)
class Verb:
    """Something that takes whatever comes.

    Attributes:
        inputs: makes the strategy of what it takes.
        run: takes an input; raises `SeqcoreError` where it is refused, and `AssertionError` where a result is wrong.
    """

    name: str
    inputs: Callable[[], st.SearchStrategy[Any]]
    run: Callable[[Any], None]

    def answers(self, value: Any) -> bool:
        """Whether it gave a result; False is a refusal. Whatever else is raised is a fault."""
        try:
            self.run(value)
        except SeqcoreError as error:
            if not 0 < len(str(error).strip()) < 10_000:
                raise AssertionError("an error without a word, or of a book's length") from error
            return False
        return True


def _calls(single: st.SearchStrategy[Any], settings: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Inputs]:
    """One input or a list of them, with settings."""
    return st.tuples(mostly(st.one_of(single, single, st.lists(mostly(single, single), max_size=3))), settings)


def _one_or_all(given: Any, found: Any) -> list[Any]:
    """A list in gives a list out, of as many."""
    if not isinstance(found, list):
        return [found]
    if hasattr(given, "__len__"):
        assert len(found) == len(given)
    return found


# Text


@functools.cache
def translator() -> Any:
    return seqcore.load(FIXTURES / "translator-v1", device="cpu")


@functools.cache
def classifier() -> Any:
    return seqcore.load(FIXTURES / "sentiment-v1", device="cpu")


@functools.cache
def language_model() -> Any:
    from seqcore.tasks.language import LanguageModel, LanguageModelConfig

    torch.manual_seed(0)
    made = LanguageModel.create(
        LanguageModelConfig(320, 12, 16),
        [{"text": "The film was good, and the music was good."}] * 8,
    )
    made.network.eval()
    return made


def _translations() -> st.SearchStrategy[Inputs]:
    source, target = st.sampled_from(["auto", "en"]), st.sampled_from(["de", None])
    languages = options(
        source=source | st.lists(source, max_size=3), target=target | st.lists(target, max_size=3).map(tuple)
    )
    return _calls(texts(1500), st.builds(lambda a, b: {**a, **b}, languages, generation(30)))


def _translate(given: Inputs) -> None:
    written, settings = given
    for found in _one_or_all(written, translator().translate(written, **settings)):
        _check_translation(found)


def _stream(given: Inputs) -> None:
    written, settings = given
    found = None
    for found in translator().stream(written, **{key: value for key, value in settings.items() if key != "batch_size"}):
        assert isinstance(found.text, str)
    assert found is not None
    _check_translation(found)


def _check_translation(found: Any) -> None:
    assert isinstance(found.text, str)
    found.text.encode()  # no half of a pair
    assert all(isinstance(token, str) for token in (*found.tokens, *found.source_tokens))
    _check_written(found.tokens, found.token_probabilities, found.score)
    assert found.attention.shape in {(len(found.tokens), len(found.source_tokens)), (0, len(found.source_tokens))}
    assert found.attention.isfinite().all()
    assert found.source_lang
    assert found.target_lang
    for other in (*found.alternatives, *found.sentences):
        _check_translation(other)


def _check_written(tokens: Sequence[str], probabilities: Sequence[float], score: float) -> None:
    assert len(tokens) == len(probabilities)
    assert all(0 <= value <= 1 + 1e-6 for value in probabilities)
    assert math.isfinite(score)


def _classifications() -> st.SearchStrategy[Inputs]:
    likely = {"explain": st.booleans(), "unsure_below": st.floats(0, 1), "batch_size": st.integers(1, 40)}
    return _calls(texts(3000), options(**likely))


def _classify(given: Inputs) -> None:
    written, settings = given
    for found in _one_or_all(written, classifier().classify(written, **settings)):
        assert found.label in found.probabilities
        assert sum(found.probabilities.values()) == pytest_close(1)
        assert all(0 <= value <= 1 for value in found.probabilities.values())
        assert found.characters_cut >= 0
        if settings.get("explain") is True:
            assert "".join(found.tokens) == (found.text if found.tokens else "")  # control characters are not read
            assert len(found.trajectory) == len(found.tokens)
            assert len(found.attributions) in {0, len(found.tokens)}
            assert all(map(math.isfinite, (*found.attributions, found.baseline, found.logit)))


def pytest_close(value: float) -> Any:
    import pytest

    return pytest.approx(value, abs=1e-4)


def _score(given: Any) -> None:
    found = language_model().score(given)
    for one in found:
        assert len(one.tokens) == len(one.log_probabilities)
        assert all(value <= 1e-6 for value in one.log_probabilities)
        assert one.perplexity >= 1 - 1e-4


def _write(given: Inputs) -> None:
    assert isinstance(language_model().write(given[0], **given[1]), str)


def _tokenize(given: tuple[str, list[int]]) -> None:
    text, numbers = given
    tokenizer = translator().tokenizer
    tokens = tokenizer.encode(text)
    assert all(0 <= token < len(tokenizer) for token in tokens)
    assert isinstance(tokenizer.decode(tokens), str)
    again, surfaces = tokenizer.encode_with_surfaces(text)
    assert again == tokens
    assert len(surfaces) == len(tokens)
    assert math.isfinite(tokenizer.log_probability(text))
    tokenizer.decode([number % len(tokenizer) for number in numbers]).encode()


def _long_texts() -> st.SearchStrategy[Any]:
    long = st.one_of(runs(100_000), texts(100_000)).map(replace_invalid_unicode)
    return st.tuples(long, st.sampled_from(["en", "de", "fr", "xx"]), st.integers(0, 9))


def _read_long(given: tuple[str, str, int]) -> None:
    """All that is done to a text before and after a network sees it: nothing is lost, and nothing takes for ever."""
    from seqcore.tasks.translation.source import SourceReader
    from seqcore.text.entities import PLACEHOLDER, mask_entities, unmask_entities
    from seqcore.text.languages import detect_language
    from seqcore.text.likelihood import letter_log_likelihood
    from seqcore.text.markup import strip_markup
    from seqcore.text.sentences import split_sentences

    text, language, dropped = given
    assert "".join(split_sentences(text, language)) == text
    hidden, items = mask_entities(text)
    assert unmask_entities(hidden, items) == text.replace(PLACEHOLDER, " ")
    less = hidden.replace(PLACEHOLDER, "", dropped)
    assert Counter(unmask_entities(less, items).replace(" ", "")) == Counter(
        unmask_entities(hidden, items).replace(" ", "")
    )
    for tokens in SourceReader(translator().tokenizer, [4], 40).read(text, language):
        assert isinstance(tokens, str) or all(len(part.tokens) <= 41 for part in tokens)
    assert strip_markup(text).count("\n") <= len(text)
    letter_log_likelihood(classifier().tokenizer, text)
    assert detect_language(text, ["de", "en"]) in {"de", "en"}


# Pictures and films


@functools.cache
def captioner() -> Any:
    from tiny_captioner import tiny_captioner

    return tiny_captioner()


def _pictures() -> st.SearchStrategy[Inputs]:
    files = st.sampled_from(image_files())
    picture = st.one_of(files, files, changed(files), arrays(), changed(files).map(io.BytesIO))
    return _calls(picture, generation(15))


def _caption(given: Inputs) -> None:
    pictures, settings = given
    for found in _one_or_all(pictures, captioner().caption(pictures, **settings)):
        for one in (found, *found.alternatives):
            one.text.encode()
            _check_written(one.tokens, one.token_probabilities, one.score)
            assert one.attention.shape == (len(one.tokens), *captioner().network.encoder.grid_shape)
            assert torch.allclose(one.attention.sum((1, 2)), torch.ones(len(one.tokens)), atol=1e-3)


@functools.cache
def frame_classifiers() -> tuple[Any, Any]:
    from tiny_videos import tiny_classifier

    return tiny_classifier(), tiny_classifier(bidirectional=True, delay=0, median=3)


@functools.cache
def films() -> list[bytes]:
    from tiny_videos import colours, turn, write_video

    found = []
    frames = colours(["red"] * 5 + ["blue"] * 4 + ["green"] * 3)
    with tempfile.TemporaryDirectory() as folder:
        for name, codec in {"a.mp4": "libx264", "b.mkv": "mpeg4", "c.avi": "mpeg4", "d.gif": "gif", "e.webm": "libvpx",
                            "f.mov": "mjpeg", "g.ts": "mpeg2video"}.items():  # fmt: skip
            kind = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
            path = write_video(Path(folder) / name, frames, codec=codec, pix_fmt=kind)
            found.append(path.read_bytes())
        found.append(turn(Path(folder) / "a.mp4").read_bytes())
    return found


def _films() -> st.SearchStrategy[Any]:
    files = st.sampled_from(films())
    film = st.one_of(files, files, changed(files), changed(files).map(io.BytesIO))
    return st.tuples(mostly(st.one_of(film, film, st.lists(film, max_size=2))), st.integers(0, 1))


def _label(given: Any) -> None:
    film, which = given
    task = frame_classifiers()[which]
    for found in _one_or_all(film, task.label(film)):
        assert len(found.labels) == len(found.times) == len(found.probabilities) > 0
        assert set(found.labels) <= set(task.config.labels)
        assert torch.allclose(found.probabilities.sum(1), torch.ones(len(found.labels)), atol=1e-4)
        assert math.isfinite(found.fps)
        assert found.fps > 0
        assert all(map(math.isfinite, found.times))
        assert sum(end - begin for begin, end in _spans(found)) == len(found.labels)


def _spans(found: Any) -> list[tuple[int, int]]:
    from seqcore.tasks.video.sampling import runs

    assert all(0 <= one.confidence <= 1 + 1e-6 for one in found.segments)
    return runs(found.labels)


def _frames() -> st.SearchStrategy[Any]:
    seen = st.builds(
        lambda height, width, seed: np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8),
        st.integers(1, 50), st.integers(1, 50), st.integers(0, 9),
    )  # fmt: skip
    return st.tuples(st.lists(st.one_of(seen, seen, seen, arrays(), anything()), max_size=8), st.booleans())


def _step(given: Any) -> None:
    frames, lenient = given
    task, state, labels, taken = frame_classifiers()[0], None, [], 0
    refusal = None
    for frame in frames:
        try:
            label, state = task.step(frame, state)
        except SeqcoreError as error:  # a bad frame ends nothing
            refusal = error
            continue
        taken += 1
        labels += [] if label is None else [label]
    if state is not None:
        labels += task.flush(state)
    assert len(labels) == taken
    assert set(labels) <= set(task.config.labels)
    if refusal is not None and not lenient:
        raise refusal


# Files


@functools.cache
def checkpoints() -> list[Path]:
    """One of every task; the folder of those that are made here goes with the process."""
    made = {"language": language_model(), "captioner": captioner(), "video": frame_classifiers()[0]}
    place = tempfile.TemporaryDirectory(prefix="seqcore-generated-")
    atexit.register(place.cleanup)
    for name, task in made.items():
        task.save_pretrained(Path(place.name) / name)
    return [
        *sorted(path.parent for path in FIXTURES.glob("*-v1/config.json")),
        *(Path(place.name) / name for name in made),
    ]


def _folders() -> st.SearchStrategy[Any]:
    folder = st.sampled_from(checkpoints())
    file = st.sampled_from(["config.json", "model.safetensors", "tokenizer.model"])
    settings = folder.flatmap(
        lambda one: st.tuples(
            st.just(one), st.just("config.json"), st.just("set"),
            st.dictionaries(st.sampled_from(_settings(one)), _json(), min_size=1, max_size=3),
        )
    )  # fmt: skip
    whole: st.SearchStrategy[Any] = st.tuples(folder, file, st.just("change"), st.just([]))
    places = mostly(st.sampled_from(["cpu", "auto", torch.device("cpu")]), st.one_of(_devices(), anything()))
    kinds = mostly(st.just(torch.float32), st.one_of(st.sampled_from([torch.float16, torch.int64]), anything()))
    what = st.one_of(
        whole,
        st.tuples(folder, file, st.just("change"), st.lists(_damage(), min_size=1, max_size=3)),
        settings,
        settings,
        st.tuples(folder, file, st.sampled_from(["gone", "folder", "empty"]), st.none()),
        st.tuples(
            st.one_of(_hub_ids(), _hub_ids(), st.text(max_size=12), anything()),
            st.none(), st.just("as it is"), st.one_of(st.none(), st.just("main"), st.text(max_size=5), anything()),
        ),
    )  # fmt: skip
    usual = st.just(("cpu", torch.float32))
    return st.one_of(st.tuples(what, usual), st.tuples(what, usual), st.tuples(whole, st.tuples(places, kinds)))


def _devices() -> st.SearchStrategy[str]:
    return st.sampled_from(["cuda:99", "meta", "cpu:1", "mps", "xla", "", "CPU", "cpu:-1", "nonsense", "fpga"])


def _settings(folder: Path) -> list[str]:
    sizes = {name for name, value in json.loads((folder / "config.json").read_text()).items() if type(value) is int}
    return [*sorted(sizes), *json.loads((folder / "config.json").read_text()), "no setting"]  # sizes twice as often


def _hub_ids() -> st.SearchStrategy[str]:
    name = st.one_of(
        st.from_regex(r"[\w-][\w.-]{0,12}", fullmatch=True), st.text("aB1-_.~é", min_size=1, max_size=120),
        st.sampled_from(["google", "bert-base-uncased", "..", "~", "hf-hub:a", "https:", "a\n", "a b", "a@main"]),
    )  # fmt: skip
    return st.one_of(st.lists(name, min_size=2, max_size=2), st.lists(name, min_size=1, max_size=4)).map("/".join)


def _json() -> st.SearchStrategy[Any]:
    sizes = st.sampled_from([-(2**63), -1, 0, 2**15, 2**31 - 1, 2**31, 2**32 + 1, 10**12, 2**63, 10**30])
    number = st.one_of(st.integers(-2, 40), st.integers(41, 10**4), sizes)
    simple = st.one_of(
        number, number, st.none(), st.booleans(), st.floats(), number.map(float), number.map(str), st.text(max_size=6),
        st.sampled_from(["hf-hub:a/b", "resnet18", "torchvision:resnet18", "vit_tiny_patch16_224", "compact"]),
    )  # fmt: skip
    return st.one_of(simple, st.lists(simple, max_size=3), st.dictionaries(st.text(max_size=3), simple, max_size=2))


def _damage() -> st.SearchStrategy[Any]:
    return st.tuples(
        st.sampled_from(["write", "insert", "drop", "cut"]), st.floats(0, 1), st.binary(min_size=1, max_size=9)
    )


def _load(given: Any) -> None:
    (folder, name, kind, what), (device, dtype) = given
    with no_network() as tried:
        try:
            _load_changed(folder, name, kind, what, device, dtype)
        finally:
            assert len(tried) <= 1, "the hub was asked again and again"


@contextmanager
def no_network() -> Iterator[list[Any]]:
    """Nothing outside can be reached, which is told at once; what was asked for."""
    tried: list[Any] = []

    def fail(*address: Any, **_: Any) -> Any:
        tried.append(address)
        raise OSError("there is no network")

    with mock.patch.object(socket, "getaddrinfo", fail), mock.patch.object(socket.socket, "connect", fail):
        yield tried


def _load_changed(folder: Any, name: str, kind: str, what: Any, device: Any, dtype: Any) -> None:
    if kind == "as it is":
        seqcore.load(folder, what, device, dtype)
        return
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "model"
        copy.mkdir()
        for file in folder.iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
        target = copy / name
        target.touch()  # not every task has a tokenizer
        if kind == "gone":
            target.unlink()
        elif kind == "folder":
            target.unlink()
            target.mkdir()
        elif kind == "empty":
            target.write_bytes(b"")
        elif kind == "set":
            target.write_text(json.dumps({**json.loads(target.read_text()), **what}), encoding="utf-8")
        else:
            target.write_bytes(_damaged(target.read_bytes(), what))
        task = seqcore.load(copy, device=device, dtype=dtype)
        assert task.config


def _damaged(data: bytes, changes: list[Any]) -> bytes:
    from generated_inputs import _apply

    return _apply(data, [(kind, part, len(what) * 7 if kind == "drop" else what) for kind, part, what in changes])


def _rows() -> st.SearchStrategy[Any]:
    columns = ("text", "label"), ("source", "target"), ("image", "captions"), ("file_name", "captions")
    read = [st.tuples(tables(*names), st.just(which)) for which, names in enumerate(columns)]
    return st.one_of(*read, st.tuples(caption_lists(), st.just(len(read))))


def _read_rows(given: Any) -> None:
    from seqcore.data import read_rows
    from seqcore.tasks.captioning.rows import read_captions

    (suffix, content), which = given
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"{('rows', 'rows', 'rows', 'metadata', '')[which]}{suffix}"
        path.write_bytes(content)
        (Path(place) / "image.png").write_bytes(b"")
        if which > 1:
            rows: Sequence[Any] = read_captions(place if which > 2 else str(path))
            assert all(row["captions"] for row in rows)
        else:
            fields: dict[str, type] = [{"text": str, "label": object}, {"source": str, "target": str}][which]
            rows = read_rows(str(path), fields)
            for row in rows:
                assert all(isinstance(row[field], kind) for field, kind in fields.items())
        assert rows


def _page_table(given: Any) -> None:
    """An uploaded table: the sentiment page and the library read the same texts, or both refuse it."""
    from apps.sentiment.files import open_table
    from seqcore.data import read_rows
    from seqcore.errors import DataError, InputError

    suffix, content = given
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"rows{suffix}"
        path.write_bytes(content)
        table = open_table(str(path))
        rows = list(table)
        assert len(rows) == table.rows > 0
        assert all(len(row) == len(table.header) for row in rows)
        column = table.column(None)
        if suffix == ".txt":
            return
        try:
            on_page: Any = [text for text, _ in table.texts(column)]
        except InputError:
            on_page = None
        try:
            name = table.header[column]
            in_library: Any = [row["text"] for row in read_rows(str(path), {"text": str}, {"text": name})]
        except DataError:
            in_library = None
        assert on_page == in_library


def _lines() -> st.SearchStrategy[Any]:
    written = texts(300).map(lambda text: text.encode("utf-8", "surrogatepass"))
    lines = st.lists(written, max_size=4).map(b"\n".join)
    flags = st.lists(
        st.sampled_from([["--format", "jsonl"], ["--batch-size", "2"], ["--beam-size", "2"], ["--source", "auto"],
                         ["--target", "xx"], ["--length-penalty", "nan"], ["--length-penalty", "1e308"]]),
        max_size=2,
    )  # fmt: skip
    return st.tuples(st.one_of(lines, lines, st.binary(max_size=60)), flags, st.integers(0, 1))


class _Input(io.TextIOWrapper):
    def isatty(self) -> bool:
        return False


def _predict(given: Any) -> None:
    """`seqcore predict` on standard input: status 0 and a line for each line, or status 1 and a message."""
    from seqcore import cli
    from seqcore.cli.flags import CommandLine

    content, flags, which = given
    folder, task = (("translator-v1", translator), ("sentiment-v1", classifier))[which]
    out, err = _Input(io.BytesIO(), encoding="utf-8"), io.StringIO()
    arguments = ["predict", str(FIXTURES / folder), "-", *(part for flag in flags for part in flag)]
    with (
        mock.patch.object(CommandLine, "load", return_value=task()),
        mock.patch.object(sys, "stdin", _Input(io.BytesIO(content))),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        status = cli.main(arguments)
        out.flush()
    written = out.buffer.getvalue().decode()  # type: ignore[attr-defined]
    if status:
        assert status == 1
        assert err.getvalue().startswith("error: ")
        assert "Traceback" not in err.getvalue()
        raise SeqcoreError(err.getvalue())
    assert written.count("\n") == content.count(b"\n") + (not content.endswith(b"\n") and bool(content))


VERBS = (
    Verb("Translator.translate", _translations, _translate),
    Verb("Translator.stream", _translations, _stream),
    Verb("SentimentClassifier.classify", _classifications, _classify),
    Verb("Captioner.caption", _pictures, _caption),
    Verb("FrameClassifier.label", _films, _label),
    Verb("FrameClassifier.step", _frames, _step),
    Verb("text of 100,000 characters", _long_texts, _read_long),
    Verb("LanguageModel.score", lambda: mostly(st.lists(mostly(texts(2000), texts(100)), max_size=3)), _score),
    Verb("LanguageModel.write", lambda: st.tuples(mostly(texts(300)), generation(30)), _write),
    Verb("seqcore.load", _folders, _load),
    Verb("read_rows", _rows, _read_rows),
    Verb("open_table", lambda: tables("text", "label"), _page_table),
    Verb("Tokenizer", lambda: st.tuples(texts(5000), st.lists(st.integers(0, 10**6), max_size=30)), _tokenize),
    Verb("seqcore predict", _lines, _predict),
)
