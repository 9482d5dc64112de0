"""Closing a business date: its certificate, and what touches it afterwards."""
