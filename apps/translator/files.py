"""Text files, translated line by line in chunks, so that memory does not grow with the file."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from apps.translator.languages import AUTO, name, read_languages
from apps.translator.settings import Settings
from apps.ui.progress import Progress
from apps.ui.uploads import check_size, chunks, utf8_errors
from seqcore.errors import InputError
from seqcore.text.languages import detect_language

if TYPE_CHECKING:
    from seqcore.tasks.translation import Translator

MAX_FILE_BYTES = 2_000_000
MAX_LINE_CHARS = 20_000
MAX_CHUNK_LINES, MAX_CHUNK_CHARS = 32, 5_000
_BEGINNING = 2_000  # Characters that tell the language.


def translate_file(
    translator: "Translator", path: str | None, source: str, target: str, settings: Settings
) -> Iterator[Progress[str]]:
    """Translate a text file; line k of the result belongs to line k of the file.

    The last item has the path of the result, which exists until the iterator is resumed or closed.

    Raises:
        InputError: no UTF-8 text file of at most 2 MB with something in it, or a language that the model lacks.
    """
    if not path:
        raise InputError("Choose a .txt file first.")
    if not isinstance(source, str) or not isinstance(target, str):
        raise InputError("Both languages must be strings.")
    all_lines, beginning = _survey(path)
    if source == AUTO:
        source = detect_language(beginning, read_languages(translator.config.directions))
        if source == target:
            raise InputError(f"The file {Path(path).name} is in {name(target)} already: choose another target.")
    generation = settings.generation() | {"n_best": 1}
    translator.translate("", source, target, **generation)  # refuses what cannot be before anything is done
    done = 0
    with _result_path(path, target) as result, open(result, "w", encoding="utf-8", newline="\n") as output:
        yield Progress(0, all_lines)
        # However its lines end, each is given with one \n; a byte order mark is left out.
        with open(path, encoding="utf-8-sig") as lines:
            for chunk in chunks(lines, len, MAX_CHUNK_LINES, MAX_CHUNK_CHARS):
                texts = [line.removesuffix("\n") for line in chunk]
                translations = translator.translate(texts, source, target, **generation)
                for line, translation in zip(chunk, translations, strict=True):
                    output.write(" ".join(translation.text.splitlines()) + "\n" * line.endswith("\n"))
                done += len(chunk)
                if done < all_lines:
                    yield Progress(done, all_lines)
        output.close()
        yield Progress(all_lines, all_lines, files=(str(result),))


def _survey(path: str) -> tuple[int, str]:
    """The number of lines, and the beginning of the text. Refuses a file that cannot be translated."""
    title = Path(path).name
    if Path(path).suffix.lower() != ".txt":
        raise InputError(f"The file {title} is no .txt file: save it as plain text.")
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
    """Where to write: letter.txt becomes letter.de.txt, in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="seqcore-") as folder:
        yield Path(folder) / f"{Path(path).stem}.{target}.txt"
