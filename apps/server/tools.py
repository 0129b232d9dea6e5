"""The endpoints as tools for language models (MCP), with descriptions that are true of this server.

As `gradio_patches`, this uses private parts of gradio, which `tests/apps/test_gradio_patches.py` watches.
"""

import html
import json
import re
from collections.abc import Mapping
from email.message import Message
from mimetypes import guess_extension
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import unquote
from urllib.request import DataHandler, Request

import apps.server.environment  # noqa: F401

import gradio.mcp
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder
from gradio_client.utils import handle_file, is_file_obj_with_meta, strip_invalid_filename_characters
from mcp.server import Server

from apps.server.security import MAX_REQUEST_BYTES
from seqcore.validation import shown

# Text takes four characters for three bytes.
_FILE = (
    f"Give the file itself as data:TYPE;base64,…, such as data:image/jpeg;base64,/9j/4AAQ…, of "
    f"{MAX_REQUEST_BYTES * 3 // 4_000_000} MB at most (data:TYPE;name=NAME;base64,… tells its name, too), or the path "
    "that this server answers with when a file is posted to /gradio_api/upload. Other paths and addresses are refused."
)


class _Server(Server[Any, Any]):
    """Lets endpoints say what is wrong with an argument: they name it, and a schema does not."""

    def call_tool(self, *, validate_input: bool = False) -> Any:
        return super().call_tool(validate_input=validate_input)

    def _make_error_result(self, error_message: str) -> Any:
        # Gradio puts a title before messages of calls whose progress it tells.
        return super()._make_error_result(html.unescape(error_message).removeprefix("Error: "))


class Tools(gradio.mcp.GradioMCPServer):
    """Gradio's server of tools, with descriptions of ours, and files that a model can give."""

    Server = _Server

    def get_fn_description(self, block_fn: Any, tool_name: str) -> tuple[str, dict[str, str]]:
        """What a tool does and gives; what it takes is described in its schema."""
        results = self._info(tool_name, "returns")
        gives = [f"Gives {one['label']}: {one['type'].get('description', '')}" for one in results]
        return " ".join([str(block_fn.api_description), *gives]), {}

    def get_input_schema(
        self, tool_name: str, parameters: dict[str, str] | None = None
    ) -> tuple[dict[str, Any], list[list[str | int]]]:
        """What a tool takes, and which arguments are files."""
        schema, files = super().get_input_schema(tool_name)
        for name, taken in schema["properties"].items():
            taken.pop("additional_description", None)
            if [name] in files:
                schema["properties"][name] = {"type": "string", "description": f"{taken['description']} {_FILE}"}
        return schema, files

    def convert_strings_to_filedata(self, value: Any, filedata_positions: list[list[str | int]]) -> Any:
        """Arguments, in which files are what an endpoint takes for one."""
        files = {name for (name,) in filedata_positions}
        return {name: _file(name, one) if name in files else one for name, one in value.items()}

    def postprocess_output_data(self, data: Any, root_url: str) -> list[Any]:
        """Answers as text: what has names is JSON."""
        plain = [
            one if isinstance(one, str) or is_file_obj_with_meta(one) else json.dumps(one, ensure_ascii=False)
            for one in data
        ]
        return list(super().postprocess_output_data(plain, root_url))

    def _prepare_tool_call_args(self, name: str, arguments: dict[str, Any]) -> Any:
        if name not in self.tool_to_endpoint:
            raise ValueError(f"There is no tool {shown(name)}: there are {', '.join(self.tool_to_endpoint)}.")
        taken = [one["parameter_name"] for one in self._info(name, "parameters")]
        required = [one["parameter_name"] for one in self._info(name, "parameters") if not one["parameter_has_default"]]
        given = {key: value for key, value in arguments.items() if value is not None}
        if unknown := sorted(given.keys() - taken):
            raise ValueError(f"{name} takes no argument {shown(unknown[0])}; it takes {', '.join(taken) or 'none'}.")
        if missing := [key for key in required if key not in given]:
            raise ValueError(f"{name} needs the argument {missing[0]}.")
        return super()._prepare_tool_call_args(name, given)

    def _info(self, tool: str, part: str) -> list[Mapping[str, Any]]:
        endpoints: Mapping[str, Any] = self.api_info["named_endpoints"]
        described: list[Mapping[str, Any]] = endpoints[self.tool_to_endpoint[tool]][part]
        return described


def install_tools() -> None:
    """Let servers that are made from now on have these tools."""
    gradio.mcp.GradioMCPServer = Tools  # type: ignore[misc]


def _file(argument: str, given: object) -> Any:
    """What an endpoint takes for a file. Raises `ValueError` for one that did not come to this server before."""
    if not isinstance(given, str):
        raise ValueError(f"{argument} must be a file. {_FILE}")
    given = given.strip()
    if given[:5].lower() == "data:":
        return handle_file(_stored(argument, given))
    address = re.match(r"https?://[^?#]*?/gradio_api/file=", given)
    path = Path(unquote(given[address.end() :]) if address else given)
    try:  # A link may lead anywhere.
        is_uploaded = path.resolve().is_relative_to(Path(get_upload_folder()).resolve()) and path.is_file()
    except (OSError, ValueError):
        is_uploaded = False
    if not is_uploaded:
        raise ValueError(f"{argument} is no file of this server: {shown(given)}. {_FILE}")
    return handle_file(path)


def _stored(argument: str, address: str) -> str:
    """The path of a file that came as a data address."""
    try:
        answer = DataHandler().data_open(Request(address))
    except (URLError, ValueError) as error:
        raise ValueError(f"{argument} is no data address that can be read. {_FILE}") from error
    about: Message = answer.headers
    told = Path(unquote(str(about.get_param("name") or ""))).name
    name = told if told.strip(".") else f"file{guess_extension(about.get_content_type(), strict=False) or ''}"
    return save_bytes_to_cache(answer.read(), strip_invalid_filename_characters(name), get_upload_folder())
