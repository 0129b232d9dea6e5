"""Documents whose structure stays when they are translated, by the endings of their names."""

from collections.abc import Callable
from pathlib import Path

from seqcore.errors import InputError
from seqcore.text.markdown import parse_markdown
from seqcore.text.segments import Document
from seqcore.text.subtitles import lacks_times, parse_subtitles

PARSERS: dict[str, Callable[[str], Document]] = {
    ".srt": parse_subtitles,
    ".vtt": lambda text: parse_subtitles(text, is_vtt=True),
    ".md": parse_markdown,
    ".markdown": parse_markdown,
}


def is_document(name: str | Path) -> bool:
    """Whether a file has a structure that is known here, by the ending of its name."""
    return Path(name).suffix.lower() in PARSERS


def parse_document(text: str, name: str | Path) -> Document:
    """Take a document apart into texts, which a translator is given, and what stays around them.

    Args:
        text: all of the file, with its own line breaks and byte order mark.
        name: of the file; its ending says what it is.

    Example:
        >>> document = parse_document("# A dog\\n\\nIt *runs*\\nfast.\\n", "dog.md")
        >>> document.texts
        ['A dog', 'It <b id="1">runs</b> fast.']
        >>> document.with_texts(["Ein Hund", 'Er <b id="1">rennt</b> schnell.'])
        '# Ein Hund\\n\\nEr *rennt*\\nschnell.\\n'
    """
    mark = "\ufeff" * text.startswith("\ufeff")
    document = PARSERS[Path(name).suffix.lower()](text[len(mark) :])
    return Document([mark, *document.pieces])


def check_document(text: str, name: str | Path) -> None:
    """Raises `InputError` for a file whose ending says that it is of subtitles, and which has no times."""
    path = Path(name)
    if path.suffix.lower() in (".srt", ".vtt") and lacks_times(text):
        raise InputError(f"{path.name} holds no subtitles: no line has times, such as 00:00:01,000 --> 00:00:02,500")
