"""What the tests that start a real server share."""
