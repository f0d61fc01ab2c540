from benchmark.search.export import export_model
from benchmark.train.exported_model import ExportedModel, load_model

__all__ = ["ExportedModel", "export_model", "load_model"]
