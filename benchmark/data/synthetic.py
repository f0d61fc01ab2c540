"""Whether scans are of people or made by the suite."""

from __future__ import annotations

import pandas as pd

#: What the phantom's manifests say of it: the maker of its scanners, and how the names of its sites begin.
MANUFACTURER, SITE_PREFIX = "phantom", "phantom-"


def is_synthetic(scans: pd.DataFrame) -> bool:
    """Whether any scan comes from the phantom, by its site's name or its scanner's manufacturer.

    Asked once, where data become results, and recorded there (:class:`benchmark.report.about.About`): tables, page and
    plots do not guess.

    Parameters
    ----------
    scans
        Rows of manifests or embeddings, with the column ``site``, and ``scanner_manufacturer`` where it is known.
    """
    if any(str(site).startswith(SITE_PREFIX) for site in scans["site"].unique()):
        return True
    makers = scans["scanner_manufacturer"].unique() if "scanner_manufacturer" in scans else ()
    return any(str(maker).lower() == MANUFACTURER for maker in makers)
