"""A model without a key or a network: rules for plain requests in English, Italian and German. For development."""
