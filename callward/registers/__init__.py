"""What registers share: folders of YAML files, each an entry, catalogued version by version."""
