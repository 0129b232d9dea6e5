"""Files, translated in chunks: text line by line, so that memory does not grow with it, documents in their form."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from apps.translator.languages import AUTO, name, read_languages
from apps.translator.settings import Settings
from apps.ui.progress import Progress
from apps.ui.uploads import check_size, chunks, utf8_errors
from seqcore.errors import InputError
from seqcore.text.documents import PARSERS, check_document, is_document, parse_document
from seqcore.text.languages import detect_language
from seqcore.text.segments import Document

if TYPE_CHECKING:
    from seqcore.tasks.translation import Translator

KINDS = (".txt", *PARSERS)
MAX_FILE_BYTES = 2_000_000
MAX_LINE_CHARS = 20_000
MAX_CHUNK_LINES, MAX_CHUNK_CHARS = 32, 5_000
_BEGINNING = 2_000  # Characters that tell the language.


def translate_file(
    translator: "Translator", path: str | None, source: str, target: str, settings: Settings
) -> Iterator[Progress[str]]:
    """Translate a text file, line k of whose result belongs to line k of the file, or a document, which keeps its form.

    The last item has the path of the result, which exists until the iterator is resumed or closed.

    Raises:
        InputError: no UTF-8 file of a kind in `KINDS` and at most 2 MB with something in it, or a language that the
            model lacks.
    """
    if not path:
        raise InputError("Choose a .txt, .srt, .vtt or .md file first.")
    if not isinstance(source, str) or not isinstance(target, str):
        raise InputError("Both languages must be strings.")
    total, beginning = _survey(path)
    document = _read_document(path) if is_document(path) else None
    if document:
        total, beginning = len(document.texts), " ".join(document.texts)[:_BEGINNING]
    if source == AUTO:
        source = detect_language(beginning, read_languages(translator.config.directions), translator.config.scripts)
        if source == target:
            raise InputError(f"The file {Path(path).name} is in {name(target)} already: choose another target.")
    generation = settings.generation() | {"n_best": 1}
    translator.translate("", source, target, **generation)  # refuses what cannot be before anything is done

    def translate(texts: list[str]) -> list[str]:
        answers = translator.translate(texts, source, target, **generation)
        return [" ".join(answer.text.splitlines()) for answer in answers]

    with _result_path(path, target) as result, open(result, "w", encoding="utf-8", newline="") as output:
        yield Progress(0, total)
        work = (
            _translate_document(document, translate, output) if document else _translate_lines(path, translate, output)
        )
        for done in work:
            if done < total:
                yield Progress(done, total)
        output.close()
        yield Progress(total, total, files=(str(result),))


def _translate_lines(path: str, translate: Callable[[list[str]], list[str]], output: TextIO) -> Iterator[int]:
    """However lines end, each is given with one line feed; a byte order mark is left out. Yields how many are done."""
    done = 0
    with open(path, encoding="utf-8-sig") as lines:
        for chunk in chunks(lines, len, MAX_CHUNK_LINES, MAX_CHUNK_CHARS):
            translations = translate([line.removesuffix("\n") for line in chunk])
            for line, translation in zip(chunk, translations, strict=True):
                output.write(translation + "\n" * line.endswith("\n"))
            done += len(chunk)
            yield done


def _translate_document(
    document: Document, translate: Callable[[list[str]], list[str]], output: TextIO
) -> Iterator[int]:
    """Line ends and byte order mark stay as they are. Yields how many texts are done."""
    translations: list[str] = []
    for chunk in chunks(document.texts, len, MAX_CHUNK_LINES, MAX_CHUNK_CHARS):
        translations += translate(chunk)
        yield len(translations)
    output.write(document.with_texts(translations))


def _read_document(path: str) -> Document:
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    check_document(text, path)
    document = parse_document(text, path)
    if not document.texts:
        raise InputError(f"The file {Path(path).name} has no text in it.")
    return document


def _survey(path: str) -> tuple[int, str]:
    """The number of lines, and the beginning of the text. Refuses a file that cannot be translated."""
    title = Path(path).name
    if Path(path).suffix.lower() not in KINDS:
        raise InputError(f"The file {title} is no .txt file, nor {', '.join(KINDS[1:])}: save it as one of them.")
    check_size(path, MAX_FILE_BYTES)
    beginning, number = "", 0
    with utf8_errors(path), open(path, encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if len(line) > MAX_LINE_CHARS:
                raise InputError(f"Line {number} of {title} has more than {MAX_LINE_CHARS:,} characters: break it up.")
            if len(beginning) < _BEGINNING:
                beginning += line.lstrip()
    if not beginning:
        raise InputError(f"The file {title} has no text in it.")
    return number, beginning


@contextmanager
def _result_path(path: str, target: str) -> Iterator[Path]:
    """Where to write: film.srt becomes film.de.srt, in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
        yield Path(folder) / f"{Path(path).stem}.{target}{Path(path).suffix}"
