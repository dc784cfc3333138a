"""Reader of the JSON patient format: from the text of a body to a `Stay`."""
