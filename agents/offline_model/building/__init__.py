"""The offline model as Batch Builder: a sentence becomes a BatchSpec, by small rules and without a provider."""
