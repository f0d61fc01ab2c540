"""Names of the files that a training leaves in its folder."""

EMBEDDINGS = "embeddings.parquet"
MODEL = "model.ckpt"
CHECKPOINTS = "checkpoints"
LAST = "last.ckpt"
