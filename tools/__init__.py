"""What `make` calls: the environment, the notebooks, the book."""
