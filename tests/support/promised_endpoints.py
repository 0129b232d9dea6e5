"""What was promised to programs that call the apps: the endpoints of each app, and all of them by their names."""

import json
from pathlib import Path
from typing import Any

_FILE = Path(__file__).resolve().parents[1] / "apps" / "endpoints.json"
PROMISED: dict[str, dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))
ENDPOINTS = {name: endpoint for app in PROMISED.values() for name, endpoint in app.items()}
