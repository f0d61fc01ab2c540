"""Which files of the repository are pages of the site, and the pages that are made of code, cards and notebooks.

The site has the folders of the repository, so that a link between pages is the same on a code host and in the site.
What a page links to is part of the site: a Markdown file as a page, a folder as a list of its files, a notebook as it
comes out when it is run, anything else as it is. A link to nothing is left for the build, which ends on it.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from method_cards import cards
from notebooks import executed

FIRST = (
    "*.md",
    "docs/*.md",
    "data_manifests/**/*.md",
    "docs/notebooks/*.ipynb",
    "docs/_site/*.css",
    "docs/_site/*.svg",
)
LINK = re.compile(r"\[(?P<words>[^\[\]]*)\]\((?![a-z]+:|#)(?P<target>[^)\s#]+)")
#: What a list of a folder's files has; the scores themselves are data.
LISTED = (".csv", ".md", ".svg")
NOT_LISTED = {"scores.csv"}
METHODS = "benchmark/configs/methods/index.md"
#: Pages of public names, from their docstrings: title, where more is said, modules.
REFERENCE = {
    "benchmark": ("[From Python](../docs/api.md) has examples.", ["benchmark"]),
    "metrics": (
        "[From Python](../docs/api.md#metrics-on-arrays) has examples, [What is measured](../docs/metrics.md) says "
        "what they are for.",
        ["benchmark.metrics", "benchmark.metrics.arrays"],
    ),
    "representation": (
        "[Add a method](../docs/add-a-method.md) has an example.",
        ["benchmark.methods.representation", "benchmark.methods.data_spec", "benchmark.methods.card"],
    ),
    "search": ("[Searching](../docs/search.md) says what they are for.", ["benchmark.search"]),
}


def write_pages(root: Path, out: Path) -> None:
    """Write the pages of a repository, and what they link to, into a folder that is made anew.

    Parameters
    ----------
    root
        Folder of the repository.
    out
        Folder of the pages; what is in it is removed.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell of a notebook does.
    """
    made: dict[str, str | bytes] = {METHODS: cards(root)}
    for name, (more, modules) in REFERENCE.items():
        made[f"reference/{name}.md"] = f"# {modules[0]}\n\n{more}\n\n" + "\n\n".join(f"::: {each}" for each in modules)
    for path in sorted((root / "docs/notebooks").glob("*.ipynb")):
        made |= executed(path, root)
    files = {path.relative_to(root).as_posix() for pattern in FIRST for path in root.glob(pattern)}
    _follow(root, files, made)
    contents: dict[str, str | bytes] = dict(made)
    contents |= {name: (root / name).read_text(encoding="utf-8") for name in files if name.endswith(".md")}
    shutil.rmtree(out, ignore_errors=True)
    for name in sorted(files | set(made)):
        target, content = out / name, contents.get(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            shutil.copyfile(root / name, target)
        elif isinstance(content, bytes):
            target.write_bytes(content)
        else:
            target.write_text(_linked(name, content, contents), encoding="utf-8")


def _follow(root: Path, files: set[str], made: dict[str, str | bytes]) -> None:
    """Add the files that pages link to, those that these link to, and lists of linked folders."""
    waiting = [*files, *made]
    while waiting:
        page = waiting.pop()
        if not page.endswith(".md"):
            continue
        content = made.get(page)
        for name in _targets(page, (root / page).read_text(encoding="utf-8") if content is None else str(content)):
            listing = f"{name}/index.md"
            if name in files or name in made or listing in made or name.startswith(".."):
                continue
            if (root / name).is_file():
                files.add(name)
                waiting.append(name)
            elif (root / name).is_dir() and f"{name}/README.md" not in files:
                made[listing] = _listing(root, name)
                waiting.append(listing)


def _targets(page: str, text: str) -> Iterator[str]:
    return (_place(page, found["target"]) for found in LINK.finditer(text))


def _place(page: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))


def _listing(root: Path, folder: str) -> str:
    paths = sorted(path for path in (root / folder).iterdir() if path.suffix in LISTED and path.name not in NOT_LISTED)
    return f"# {folder}\n\n" + "\n".join(f"- [{path.name}]({path.name})" for path in paths) + "\n"


def _linked(page: str, text: str, contents: dict[str, str | bytes]) -> str:
    """Text of a page, whose links to folders and notebooks lead to the pages that show them, and files have titles."""

    def shown(found: re.Match[str]) -> str:
        words, target = found["words"], found["target"]
        name = _place(page, target)
        stem = name.removesuffix(".ipynb") if name.endswith(".ipynb") else f"{name}/README"
        instead = next((each for each in (f"{stem}.md", f"{name}/index.md") if each in contents), None)
        if instead:
            target, name = posixpath.relpath(instead, posixpath.dirname(page) or "."), instead
        content = contents.get(name)
        if words.endswith(".md") and isinstance(content, str) and content.startswith("# "):
            words = content.partition("\n")[0][2:]
        return f"[{words}]({target}"

    return LINK.sub(shown, text)
