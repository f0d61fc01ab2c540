"""Options and settings that cannot be used: words of a command line, and what the answer must name.

``{sound}`` is a manifest that can be used, ``{folder}`` an empty folder, ``{file}`` a file; other files are written
with the content that is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PREPROCESS = ("preprocess", "--manifests", "{sound}", "--out", "{folder}/out")


@dataclass(frozen=True)
class Command:
    """A command line, the answer's parts, and files in ``{folder}`` that it reads."""

    words: tuple[str, ...]
    answer: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)


def _preprocess(*words: str, answer: tuple[str, ...], **files: str) -> Command:
    return Command((*PREPROCESS, *words), answer, {name.replace("_", "."): text for name, text in files.items()})


COMMANDS: dict[str, Command] = {
    "command-unknown": Command(("prepocess",), ("unknown command 'prepocess'", "allowed")),
    "action-unknown": Command(("manifest", "verify"), ("unknown action 'manifest verify'", "allowed")),
    "importer-unknown": Command(("manifest", "build", "adni4"), ("unknown importer 'adni4'", "allowed")),
    "images-absent": Command(
        ("manifest", "build", "bids", "--images", "{folder}/none", "--out", "{folder}/m"), ("none", "no such folder")
    ),
    "images-a-file": Command(
        ("manifest", "build", "bids", "--images", "{file}", "--out", "{folder}/m"), ("file", "no such folder")
    ),
    "window-negative": Command(
        ("manifest", "build", "ppmi", "--images", "{folder}", "--out", "{folder}/m", "--window-days", "-1"),
        ("window_days is -1",),
    ),
    "manifest-absent": Command(
        ("manifest", "check", "--manifests", "{folder}/none.csv"), ("none.csv", "cannot be read")
    ),
    "manifest-a-folder": Command(("manifest", "check", "--manifests", "{folder}"), ("cannot be read", "directory")),
    "manifest-twice": Command(
        ("manifest", "check", "--manifests", "{sound}", "{sound}"), ("this manifest is given twice",)
    ),
    "shape-two": _preprocess("--shape", "[40, 48]", answer=("shape",)),
    "shape-small": _preprocess("--shape", "[4, 48, 40]", answer=("shape: (4, 48, 40) is not allowed",)),
    "shape-words": _preprocess("--shape", "large", answer=("shape",)),
    "spacing-zero": _preprocess("--spacing", "0", answer=("spacing: 0 is not allowed",)),
    "spacing-nan": _preprocess("--spacing", "nan", answer=("spacing", "nan")),
    "spacing-unit": _preprocess("--spacing", "2mm", answer=("spacing",)),
    "intensity-unknown": _preprocess("--intensity", "minmax", answer=("intensity", "zscore")),
    "registration-unknown": _preprocess("--registration", "nonlinear", answer=("registration", "affine")),
    "brain-not-installed": _preprocess("--brain", "hd-bet", answer=("brain: 'hd-bet' is not installed",)),
    "brain-needs-registration": _preprocess(
        "--registration", "none", "--brain", "template", answer=("'template' needs a registration",)
    ),
    "processes-none": _preprocess("--processes", "0", answer=("--processes: 0 is not allowed",)),
    "option-unknown": _preprocess("--bias", "true", answer=("--bias",)),
    "config-absent": _preprocess("--config", "{folder}/none.yaml", answer=("none.yaml",)),
    "config-broken": _preprocess("--config", "{folder}/a.yaml", answer=("a.yaml",), a_yaml="shape: [1, 2"),
    "config-unknown-key": _preprocess("--config", "{folder}/a.yaml", answer=("sharpe",), a_yaml="sharpe: [40, 48, 40]"),
    "config-code": _preprocess(
        "--config", "{folder}/a.yaml", answer=("a.yaml",), a_yaml="spacing: !!python/object/apply:os.system ['true']"
    ),
    "out-a-file": Command(("preprocess", "--manifests", "{sound}", "--out", "{file}"), ("out: cannot write into",)),
    "salt-short": _preprocess("--pseudonymize", "{folder}/a.salt", answer=("a.salt", "at least 16"), a_salt="abc"),
    "salt-a-folder": _preprocess("--pseudonymize", "{folder}", answer=("{folder}", "directory")),
    "no-manifest": Command(("preprocess", "--out", "{folder}/out"), ("manifests",)),
}
