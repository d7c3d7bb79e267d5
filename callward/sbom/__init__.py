"""The software that is deployed, and what others have found against it."""
