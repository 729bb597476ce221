"""The laws, one class each, by the paper they come from."""
