"""A translator of a word list as a server of its own: python -m tests.support.served_translator --port 7861"""

import apps.server.environment  # noqa: F401

from apps.server.launch import serve
from apps.server.models import LazyTask
from apps.server.options import parser
from apps.translator.app import build
from tests.conftest import WordListTranslator

if __name__ == "__main__":
    load = LazyTask[WordListTranslator]("word-list", open_checkpoint=lambda path, device: WordListTranslator())
    serve(build(load), parser("Serve a list of words.").parse_args(), {"translator": load})  # type: ignore[arg-type]
