"""Prediction: features of a stay, probabilities of the model, and contributions of variables."""
