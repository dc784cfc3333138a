"""A hospital's own model: label its stays, look at them, adapt the model to them."""
