"""What would make a review of the notice necessary, and whether it has changed."""
