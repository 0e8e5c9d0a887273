"""The cases, one module (and one YAML file) per area. Importing a module declares its cases."""
