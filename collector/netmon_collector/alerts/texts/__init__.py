"""The texts of notifications: Go templates with Alertmanager's names, functions and fields."""
