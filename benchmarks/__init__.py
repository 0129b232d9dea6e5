"""What we claim about speed and quality, each runnable by one command: python -m benchmarks.NAME."""
