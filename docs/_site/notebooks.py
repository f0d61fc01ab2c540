"""Notebooks as pages: run when the site is built, so that what is shown is what comes out."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config


def run(path: Path, root: Path) -> nbformat.NotebookNode:
    """Run a notebook, in a process whose working folder is the repository.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell does; its text has the traceback.
    """
    notebook = nbformat.read(path, as_version=4)
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(root)}},
        # By sockets in a folder: nobody else on the machine can listen.
        config=Config({"KernelManager": {"transport": "ipc"}}),
    )
    client.execute(env=environment)
    return notebook


def executed(path: Path, root: Path) -> dict[str, str | bytes]:
    """Markdown of a notebook that was run, and its pictures, by their place in the repository."""
    made: dict[str, str | bytes] = {}
    page = path.relative_to(root).with_suffix(".md")
    parts = []
    for cell in run(path, root).cells:
        parts.append(cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```")
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                picture = page.with_name(f"{page.stem}-{len(made)}.png")
                made[picture.as_posix()] = base64.b64decode(output.data["image/png"])
                parts.append(f"![Picture made by the cell above]({picture.name})")
            else:
                parts.append(_text(output))
    # As HTML, for links to notebooks lead to this page.
    parts.append(f'<a href="{path.name}" download>Download the notebook</a>; run it in the folder of the repository.')
    return made | {page.as_posix(): "\n\n".join(parts) + "\n"}


def _text(output: Any) -> str:
    data = output.get("data", {})
    if "text/markdown" in data:
        return str(data["text/markdown"])
    text = output.text if output.output_type == "stream" else data["text/plain"]
    return f"```text\n{str(text).rstrip()}\n```"
