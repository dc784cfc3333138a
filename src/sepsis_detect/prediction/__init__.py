"""From the hours of a stay to probabilities, and to the variables that moved them."""
