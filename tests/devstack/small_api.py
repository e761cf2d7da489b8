"""Stands for app.main in tests of the supervisor: answers /readyz as the settings say, and shows its environment."""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

from app.settings import load

SHOWN = ("INTERLOCK_", "SLACK_")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        shown = {name: value for name, value in os.environ.items() if name.startswith(SHOWN)}
        self.wfile.write(json.dumps(shown).encode())


settings = load()
HTTPServer((settings.api.host, settings.api.port), Handler).serve_forever()
