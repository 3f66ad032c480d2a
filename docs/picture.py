"""Makes `docs/demo.svg`, README.md's picture of the demo as it is: `python docs/picture.py`."""

import io
import re
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from telecom_crm.entrypoints.cli.story import tell

WIDTH = 100

console = Console(
    record=True, width=WIDTH, force_terminal=True, highlight=False, file=io.StringIO()
)
console.print("[dim]$[/dim] ./crm demo")
tell(console)
svg = console.export_svg(title="telecom-crm", theme=MONOKAI)
# A picture fetches nothing: the reader's own monospaced letters do.
svg = re.sub(r"@font-face\s*{.*?}\s*", "", svg, flags=re.DOTALL)
svg = re.sub(r"<!--.*?-->\s*", "", svg)
svg = svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")
Path(__file__).with_name("demo.svg").write_text(svg, "utf-8")
