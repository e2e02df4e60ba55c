"""A model without a key or a network: rules that understand plain requests about tasks. For development."""
