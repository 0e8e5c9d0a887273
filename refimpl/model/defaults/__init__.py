"""Names and defaults of the configuration, one module for each release."""
