"""What programs call stays as it is: names, arguments in their order, what they default to, and what comes back.

`endpoints.json` is what was promised; a change of it is a change for whoever calls.
"""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

PROMISED = json.loads(Path(__file__).with_name("endpoints.json").read_text(encoding="utf-8"))


def described(app: str) -> dict[str, Any]:
    endpoints = importlib.import_module(f"apps.{app}.app").demo.get_api_info()["named_endpoints"]
    return {
        name: {
            "description": endpoint["description"],
            "parameters": [
                {
                    "name": one["parameter_name"],
                    "type": one["type"],
                    "component": one["component"],
                    **({"default": one["parameter_default"]} if one["parameter_has_default"] else {}),
                }
                for one in endpoint["parameters"]
            ],
            "returns": [
                {"label": one["label"], "type": one["type"], "component": one["component"]}
                for one in endpoint["returns"]
            ],
        }
        for name, endpoint in endpoints.items()
    }


@pytest.mark.parametrize("app", PROMISED)
def test_endpoints_are_as_promised(app: str) -> None:
    assert described(app) == PROMISED[app]


if __name__ == "__main__":
    print(json.dumps({app: described(app) for app in PROMISED}, indent=1))
