"""The Batch Builder: what is asked of the model, and what becomes of its answer before anybody sees it."""
