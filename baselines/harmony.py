"""Harmony: soft clusters in which all sites mix, and an offset of each site in each cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from benchmark.methods.errors import MethodError
from benchmark.methods.harmoniser import (
    Array,
    Covariate,
    Fitted,
    Harmoniser,
    Sites,
    check_finite,
    checked,
    one_new_site,
    rows_of,
)

#: The paper's: most clusters, scans per cluster, share of the scans whose clusters are renewed together.
MOST_CLUSTERS, SCANS_A_CLUSTER, BLOCK = 100, 30, 0.05
#: Relative change of the objective below which clustering, and the whole, has converged.
STILL_CLUSTERS, STILL = 1e-5, 1e-4
#: Most renewals of the clusters in a round.
RENEWALS = 20


@dataclass(frozen=True)
class SoftClusters(Fitted):
    """Fitted Harmony: its rounds, which a new scan goes through as a training scan did.

    Attributes
    ----------
    sites
        In the order of the site axis of the others.
    centre
        Mean of the training scans, shape (feature,), from which directions are measured.
    width
        Of the soft clusters, and the ridge's penalty, shape (2,).
    centroids
        Unit vectors, shape (round, cluster, feature).
    logs
        What the penalty on diversity adds to the logits of a site's scans, shape (round, cluster, site).
    offsets
        Of sites in clusters, shape (round, cluster, site, feature).
    sizes, sums
        Weight of the training scans in a cluster, and weighted sum of their corrected features around ``centre``,
        shapes (round, cluster) and (round, cluster, feature): what a further site is fitted against.
    """

    sites: tuple[str, ...]
    centre: Array
    width: Array
    centroids: Array
    logs: Array
    offsets: Array
    sizes: Array
    sums: Array

    def apply(self, features: Array, site: Sites, covariates: pd.DataFrame) -> Array:
        """Features without their site's offset in the clusters that a scan belongs to; covariates are not looked at."""
        check_finite("Harmony", features, covariates.iloc[:, :0])
        rows = np.asarray(rows_of("Harmony", self.sites, site), np.int64)
        given = features - self.centre
        moved = given
        for centroids, logs, offsets in zip(self.centroids, self.logs, self.offsets, strict=True):
            shares = _shares(moved, centroids, self.width[0], logs[:, rows].T)
            moved = given - np.einsum("sk,ksf->sf", shares, offsets[:, rows])
        return self.centre + moved

    def extended(self, features: Array, site: Sites, covariates: pd.DataFrame) -> SoftClusters:
        """With a further site, mapped to the clusters as Symphony maps a query, in every round."""
        checked("Harmony", features, site, covariates.iloc[:, :0])
        name = one_new_site("Harmony", self.sites, site)
        given = features - self.centre
        moved, width, ridge = given, *self.width
        further = []
        for centroids, sizes, sums in zip(self.centroids, self.sizes, self.sums, strict=True):
            shares = _shares(moved, centroids, width)
            count, total = shares.sum(axis=0)[:, None], shares.T @ given
            kept = ridge / (count + ridge)
            # The reference's corrected scans hold the cluster's mean; it is not corrected for what all scans share.
            mean = (sums + kept * total) / np.maximum(sizes[:, None] + kept * count, np.finfo(np.float64).tiny)
            further.append((total - count * mean) / (count + ridge))
            moved = given - shares @ further[-1]
        # A query's clusters are not asked to be diverse.
        no_logs = np.zeros((*self.logs.shape[:2], 1))
        return replace(
            self,
            sites=(*self.sites, name),
            logs=np.concatenate([self.logs, no_logs], axis=2),
            offsets=np.concatenate([self.offsets, np.stack(further)[:, :, None]], axis=2),
        )


class Harmony(Harmoniser):
    """Harmony (Korsunsky et al., Nature Methods 2019), and Symphony's mapping of new scans (Kang et al., 2021).

    In rounds: scans are softly clustered by direction (cosine), with a penalty on clusters in which a site has more
    than its share; in each cluster a ridge regression of the features on the sites then gives each site an offset, and
    a scan loses those of its site by its shares in the clusters. An offset may therefore differ between kinds of
    brains, where ComBat has one for all. Offsets are always those of the given features, not of what an earlier round
    made of them.

    Departures from the papers. Directions are measured from the mean of the training scans, for an LDR is not centred
    as principal components are. A new scan goes through all rounds, with the centroids, offsets and penalties of each,
    and so does each scan of a further site: Symphony assigns a query once, by what it was before correction, which a
    strong effect of the scanner would decide. There are no covariates: what differs between the sites' subjects within
    a cluster goes as well.

    Parameters
    ----------
    clusters
        How many; None for the paper's, a thirtieth of the scans, at least 2 and at most 100.
    width
        Width of the soft clusters, σ of the paper.
    diversity
        Strength of the penalty on clusters of one site, θ of the paper.
    ridge
        Penalty on offsets, λ of the paper, in scans.
    rounds
        Of clustering and correction, at most.

    Raises
    ------
    MethodError
        For a parameter that is out of range.
    """

    fitted_type: ClassVar[type[Fitted]] = SoftClusters
    covariates: list[Covariate]

    def __init__(
        self,
        clusters: int | None = None,
        width: float = 0.1,
        diversity: float = 2.0,
        ridge: float = 1.0,
        rounds: int = 10,
    ) -> None:
        self.covariates = []
        for name, value, low in (("clusters", clusters, 2), ("rounds", rounds, 1)):
            if value is not None and value < low:
                raise MethodError(f"{name}: {value} is not allowed; it must be at least {low}")
        for name, number in (("width", width), ("ridge", ridge)):
            if not number > 0:
                raise MethodError(f"{name}: {number} is not allowed; it must be above 0")
        if not diversity >= 0:
            raise MethodError(f"diversity: {diversity} is not allowed; it must be at least 0")
        self.clusters = clusters
        self.width = width
        self.diversity = diversity
        self.ridge = ridge
        self.rounds = rounds

    def fit(self, features: Array, site: Sites, covariates: pd.DataFrame) -> SoftClusters:
        """Cluster and correct in turn until the objective stands still; the first clusters and all draws have one seed.

        Raises
        ------
        MethodError
            For rows that cannot be used, and for more clusters than scans.
        """
        checked("Harmony", features, site, covariates.iloc[:, :0])
        sites = tuple(sorted({str(name) for name in site}))
        member = np.eye(len(sites))[rows_of("Harmony", sites, site)]
        wanted = min(max(round(len(features) / SCANS_A_CLUSTER), 2), MOST_CLUSTERS)
        clusters = self.clusters or wanted
        if clusters > len(features):
            raise MethodError(f"Harmony: clusters: {clusters} is not allowed for {len(features)} training scans")
        centre = features.mean(axis=0)
        given = features - centre
        draw = np.random.default_rng(0)
        found = KMeans(clusters, n_init=10, random_state=0).fit(_unit(given)).cluster_centers_
        shares = _shares(given, _unit(found), self.width)
        moved, rounds, before = given, [], np.inf
        for _ in range(self.rounds):
            shares, centroids, logs, objective = self._clustered(_unit(moved), shares, member, draw)
            offsets = _offsets(given, shares, member, self.ridge)
            moved = given - np.einsum("sk,kbf,sb->sf", shares, offsets, member)
            rounds.append((centroids, logs, offsets, shares.sum(axis=0), shares.T @ moved))
            if before - objective < STILL * abs(before):
                break
            before = objective
        columns = [np.stack(column) for column in zip(*rounds, strict=True)]
        return SoftClusters(sites, centre, np.array([self.width, self.ridge]), *columns)

    def _clustered(
        self, unit: Array, shares: Array, member: Array, draw: np.random.Generator
    ) -> tuple[Array, Array, Array, float]:
        """Shares (scan, cluster), centroids, logits of the penalty (cluster, site) and objective of one round."""
        expected_share = member.mean(axis=0)
        before = np.inf
        for _ in range(RENEWALS):
            centroids = _unit(shares.T @ unit)
            observed, expected = shares.T @ member, np.outer(shares.sum(axis=0), expected_share)
            for block in np.array_split(draw.permutation(len(unit)), round(1 / BLOCK)):
                # The penalty is that of all other scans: these are taken out, and put back with new shares.
                observed -= shares[block].T @ member[block]
                expected -= np.outer(shares[block].sum(axis=0), expected_share)
                logs = self._logs(observed, expected)
                shares[block] = _shares(unit[block], centroids, self.width, member[block] @ logs.T)
                observed += shares[block].T @ member[block]
                expected += np.outer(shares[block].sum(axis=0), expected_share)
            logs = self._logs(observed, expected)
            objective = self._objective(unit, centroids, shares, member, logs)
            if before - objective < STILL_CLUSTERS * abs(before):
                break
            before = objective
        return shares, centroids, logs, objective

    def _logs(self, observed: Array, expected: Array) -> Array:
        logs: Array = self.diversity * np.log((np.maximum(expected, 0) + 1) / (np.maximum(observed, 0) + 1))
        return logs

    def _objective(self, unit: Array, centroids: Array, shares: Array, member: Array, logs: Array) -> float:
        """Distances, less the shares' entropy, plus how far the clusters are from the sites' shares of all scans."""
        distances = (shares * 2 * (1 - unit @ centroids.T)).sum()
        entropy = -(shares * np.log(np.maximum(shares, np.finfo(np.float64).tiny))).sum()
        return float(distances - self.width * entropy - self.width * ((shares.T @ member) * logs).sum())


def _unit(vectors: Array) -> Array:
    """Vectors (..., feature) of length 1; one of length 0 stays as it is."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Array = vectors / np.where(lengths > 0, lengths, 1.0)
    return unit


def _shares(vectors: Array, centroids: Array, width: float, logs: Array | float = 0.0) -> Array:
    """Shares (scan, cluster) of vectors (scan, feature) in clusters, which add up to 1, with further logits."""
    logits = 2 * _unit(vectors) @ centroids.T / width + logs
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _offsets(given: Array, shares: Array, member: Array, ridge: float) -> Array:
    """Offsets (cluster, site, feature) of weighted ridge regressions on an intercept, without penalty, and the sites.

    The normal equations are those of means that are shrunk to a common one, and are solved as such: with n the weight
    of a site in a cluster and s the weighted sum of its features, the intercept is the mean of the sites' means with
    weights λn / (n + λ), and a site's offset (s - n × intercept) / (n + λ).
    """
    counts = (shares.T @ member)[:, :, None]
    sums = np.einsum("sk,sb,sf->kbf", shares, member, given, optimize=True)
    kept = ridge / (counts + ridge)
    smallest = np.finfo(np.float64).tiny
    intercept = (kept * sums).sum(axis=1, keepdims=True) / np.maximum(
        (kept * counts).sum(axis=1, keepdims=True), smallest
    )
    offsets: Array = (sums - counts * intercept) / (counts + ridge)
    return offsets
