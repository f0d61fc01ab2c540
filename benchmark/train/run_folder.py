"""Names of the files that a training leaves in its folder."""

CONFIG = "config.yaml"
EMBEDDINGS = "embeddings.parquet"
MODEL = "model.ckpt"
CHECKPOINTS = "checkpoints"
LAST = "last.ckpt"
