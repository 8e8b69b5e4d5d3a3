"""Clients of the three APIs: what of them is made out of the APIs' documents, and how."""
