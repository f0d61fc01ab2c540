"""Names of the protocols, by which data are split."""

from __future__ import annotations

#: All sites in training, subjects held out.
POOLED = "pooled"
#: One site unseen in training.
LEAVE_ONE_SITE_OUT = "leave_one_site_out"
PROTOCOLS = (POOLED, LEAVE_ONE_SITE_OUT)
