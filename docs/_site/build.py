"""Build the documentation site: ``python docs/_site/build.py [FOLDER]``, build by default; its site is FOLDER/site.

The pages are written first, into FOLDER/pages, and then rendered with the settings of mkdocs.yml. Nothing is
downloaded. A broken link or anchor, a page that is missing and a notebook that fails end the build.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main(out: Path) -> int:
    """Build it; 1 if something is wrong, of which the log tells."""
    # A notice on the generator's successor, at every start.
    os.environ["NO_MKDOCS_2_WARNING"] = "1"
    os.chdir(ROOT)
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort
    from pages import write_pages

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    write_pages(ROOT, out / "pages")
    config = load_config("mkdocs.yml", docs_dir=str(out / "pages"), site_dir=str(out / "site"))
    config.plugins.on_startup(command="build", dirty=False)
    try:
        build(config)
    except Abort as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").absolute()))
