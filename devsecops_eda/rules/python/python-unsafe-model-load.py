import joblib
import numpy as np
import torch


def weights(path):
    # ruleid: python-unsafe-model-load
    joblib.load(path)
    # ruleid: python-unsafe-model-load
    np.load(path, allow_pickle=True)
    # ruleid: python-unsafe-model-load
    torch.load(path, map_location="cpu")
    # ok: python-unsafe-model-load
    torch.load(path, weights_only=True)
    # ok: python-unsafe-model-load
    np.load(path)
    # ok: python-unsafe-model-load
    np.load(path, allow_pickle=False)
