"""What runs where and when, and the demo."""
