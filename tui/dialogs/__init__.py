"""Dialogs ask for something and return a domain value or None."""
