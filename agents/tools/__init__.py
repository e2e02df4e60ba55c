"""The tools agents offer to a model: one typed argument model and one Action each."""
