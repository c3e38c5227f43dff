"""Predictions over HTTP: a service for programs, a page for people, and a client."""
