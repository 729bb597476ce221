"""How a law is fitted: checked rows, coordinates, exact slopes, many starts at once."""
