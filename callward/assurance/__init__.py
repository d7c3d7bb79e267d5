"""Independent assurance: certificates, tests, registrations, offices, and whether each stands."""
