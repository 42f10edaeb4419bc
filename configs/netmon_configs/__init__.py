"""Configuration files as shipped, and how such a file becomes a checked model."""
