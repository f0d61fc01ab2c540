from benchmark.metrics.age_and_anatomy import age_error, explained_variance
from benchmark.metrics.conditional_leakage import gain_over_covariates, leakage_within_strata
from benchmark.metrics.disease import disease_across_sites, disease_probe
from benchmark.metrics.fairness import worst_site_precision
from benchmark.metrics.graded import graded_ndcg
from benchmark.metrics.leakage import site_probe
from benchmark.metrics.mask_share import outline_share
from benchmark.metrics.mixing.bras import bras
from benchmark.metrics.mixing.ilisi import ilisi
from benchmark.metrics.mixing.kbet import kbet
from benchmark.metrics.mixing.mmd import mmd
from benchmark.metrics.mixing.mutual_information import mutual_information
from benchmark.metrics.pairwise_leakage import pairwise_site_probe
from benchmark.metrics.permutation_test import site_permutation_test
from benchmark.metrics.reconstruction import mean_over_sites
from benchmark.metrics.reliability.discriminability import discriminability
from benchmark.metrics.reliability.icc import between_site_icc, within_site_icc
from benchmark.metrics.reliability.site_fingerprint import site_fingerprint
from benchmark.metrics.reliability.variance_components import variance_components
from benchmark.metrics.retrieval import mean_average_precision, precision_at_k, retrieval_measures
from benchmark.metrics.rows import Estimate
from benchmark.metrics.same_site import same_site_share
from benchmark.metrics.site_matrix import site_to_site_precision
from benchmark.metrics.structure import collapsed, effective_rank, first_component_share
from benchmark.metrics.travelling import travelling_top1

__all__ = [
    "Estimate",
    "age_error",
    "between_site_icc",
    "bras",
    "collapsed",
    "discriminability",
    "disease_across_sites",
    "disease_probe",
    "effective_rank",
    "explained_variance",
    "first_component_share",
    "gain_over_covariates",
    "graded_ndcg",
    "ilisi",
    "kbet",
    "leakage_within_strata",
    "mean_average_precision",
    "mean_over_sites",
    "mmd",
    "mutual_information",
    "outline_share",
    "pairwise_site_probe",
    "precision_at_k",
    "retrieval_measures",
    "same_site_share",
    "site_fingerprint",
    "site_permutation_test",
    "site_probe",
    "site_to_site_precision",
    "travelling_top1",
    "variance_components",
    "within_site_icc",
    "worst_site_precision",
]
