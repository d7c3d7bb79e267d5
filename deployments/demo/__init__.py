"""The demo: made-up calls of made-up organisations, and their instructions."""
